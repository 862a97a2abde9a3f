"""params.yaml: the composed configuration that runs."""

from pathlib import Path

import yaml
from omegaconf import OmegaConf

from pipeline.config.composing import UNREADABLE
from pipeline.config.places import ROOT
from pipeline.config.trees import Tree
from pipeline.system.errors import InputError, in_one_line

PARAMS_FILE = ROOT / "params.yaml"
PARAMS_HEADER = """\
# Written by `python -m pipeline` and `dvc exp run -S` from conf/: change values there, not here.
"""


def dump(tree: Tree) -> str:
    """Return the text of params.yaml for a composed configuration."""
    return PARAMS_HEADER + OmegaConf.to_yaml(OmegaConf.create(tree))


def read_params(path: Path = PARAMS_FILE) -> Tree:
    """Read what runs: the composed configuration in params.yaml.

    Raises:
        InputError: The file is missing or is not YAML.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; `python -m pipeline` writes it") from error
    except UNREADABLE as error:
        reason = in_one_line(error)
        raise InputError(
            f"{path}: not YAML ({reason}); `python -m pipeline` rewrites it"
        ) from error
    if not isinstance(tree, dict):
        raise InputError(f"{path}: holds no configuration; `python -m pipeline` rewrites it")
    return tree
