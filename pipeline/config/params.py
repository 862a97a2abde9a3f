"""params.yaml, the composed configuration that runs: its text, reading it, writing it."""

from pathlib import Path

import yaml
from omegaconf import OmegaConf

from pipeline.config.moved import with_current_targets
from pipeline.config.places import ROOT
from pipeline.config.trees import Tree
from pipeline.system.errors import InputError, in_one_line
from pipeline.system.files import write_text

PARAMS_FILE = ROOT / "params.yaml"
PARAMS_HEADER = """\
# Written by `python -m pipeline` and `dvc exp run -S` from conf/: change values there, not here.
"""


def dump(tree: Tree) -> str:
    """Return the text of params.yaml for a composed configuration."""
    return PARAMS_HEADER + OmegaConf.to_yaml(OmegaConf.create(tree))


def write_params(tree: Tree, path: Path = PARAMS_FILE) -> bool:
    """Make a composed configuration the one that runs; return whether the file has changed.

    One that holds it already is left alone, so that its time stamp tells something.
    """
    text = dump(tree)
    if path.is_file() and path.read_bytes() == text.encode():
        return False
    write_text(path, text)
    return True


def read_params(path: Path = PARAMS_FILE) -> Tree:
    """Read the composed configuration in params.yaml, one written by an earlier version, too.

    Raises:
        InputError: The file is missing, is not YAML or holds no configuration.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; `python -m pipeline` writes it") from error
    except (UnicodeDecodeError, InputError) as error:
        raise InputError(
            f"{path}: {in_one_line(error)}; `python -m pipeline` rewrites it"
        ) from error


def parse(text: str) -> Tree:
    """Read the text of a params.yaml, one recorded by an earlier version, too.

    Raises:
        InputError: It is not YAML or holds no configuration.
    """
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"is not YAML ({in_one_line(error)})") from error
    if not isinstance(tree, dict):
        raise InputError("holds no configuration")
    return with_current_targets(tree)
