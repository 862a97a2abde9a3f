"""Read and write params.yaml, the composed configuration that the stages run on."""

from pathlib import Path

import yaml
from omegaconf import OmegaConf

from pipeline.config.moved import migrate
from pipeline.config.places import ROOT
from pipeline.config.trees import Tree
from pipeline.system.errors import InputError, in_one_line
from pipeline.system.files import write_text

PARAMS_FILE = ROOT / "params.yaml"
PARAMS_HEADER = """\
# Written by `digits` and `dvc exp run -S` from conf/: change values there, not here.
"""


def dump(tree: Tree) -> str:
    """Return the text of params.yaml for a composed configuration."""
    return PARAMS_HEADER + OmegaConf.to_yaml(OmegaConf.create(tree))


def write_params(tree: Tree, path: Path = PARAMS_FILE) -> bool:
    """Write a composed configuration to params.yaml; return whether the file has changed.

    A file with the same content is left alone, so its timestamp shows the last real change.
    """
    text = dump(tree)
    if path.is_file() and path.read_bytes() == text.encode():
        return False
    write_text(path, text)
    return True


def read_params(path: Path = PARAMS_FILE) -> Tree:
    """Read the composed configuration in params.yaml, also from an earlier version of the code.

    Raises:
        InputError: The file is missing, is not YAML or is not a mapping.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; `digits` writes it") from error
    except (UnicodeDecodeError, InputError) as error:
        raise InputError(f"{path}: {in_one_line(error)}; `digits` rewrites it") from error


def parse(text: str) -> Tree:
    """Parse the text of a params.yaml, also from an earlier version of the code.

    Raises:
        InputError: It is not YAML or not a mapping.
    """
    try:
        if "*" in text and any(isinstance(each, yaml.AliasEvent) for each in yaml.parse(text)):
            raise InputError("is not free of aliases (*name), which could fill the memory")
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # also of the 30th of February
        raise InputError(f"is not YAML ({in_one_line(error)})") from error
    if not isinstance(tree, dict):
        raise InputError("is not a mapping of keys to values")
    return migrate(tree)
