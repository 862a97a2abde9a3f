"""Explain in one line what went wrong."""

import logging
import re
import sys
from collections.abc import Iterable

from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from pipeline.config.composing import compose
from pipeline.config.params import PARAMS_FILE, read_params
from pipeline.config.places import CONF_DIR
from pipeline.config.trees import Tree, differing_keys, flatten
from pipeline.config.wording import suggest
from pipeline.system.errors import InputError, in_one_line

log = logging.getLogger(__name__)


def _known_keys(config_name: str, options: Iterable[str]) -> list[str]:
    """Name what a command line can set, given what it chooses of the groups in conf/."""
    composes = has_groups(config_name)
    choices = [argument for argument in sys.argv[1:] if composes and _chooses_one(argument)]
    try:
        tree = compose(choices, config_name if composes else "config")
    except (InputError, HydraException, OmegaConfBaseException):
        tree = read_params()
    return [*options, *flatten(tree)]


def has_groups(config_name: str) -> bool:
    """Say whether a command composes conf/; a stage or a tool takes params.yaml."""
    return (CONF_DIR / f"{config_name}.yaml").is_file()


def _chooses_one(argument: str) -> bool:
    group, _, choice = argument.lstrip("+").partition("=")
    return (CONF_DIR / group.partition("@")[0]).is_dir() and choice.replace("_", "").isalnum()


def explain(error: Exception, config_name: str, options: Iterable[str]) -> str:
    """Say what went wrong, where, and what to do about it."""
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}; fix this and run the command again"
    text = in_one_line(error)
    if isinstance(error, OverrideParseException):
        return f"{error.override}: cannot be read as KEY=VALUE"
    if "No match in the defaults list" in text:
        choice = text.split("'")[1]
        return f"{choice}: a stage has no groups; `python -m pipeline {choice}=…` chooses from one"
    unknown_key = re.match(r"Could not override '([^']+)'", text)
    if unknown_key:
        key, known = unknown_key[1], _known_keys(config_name, options)
        if key in known and has_groups(config_name):
            return f"{key}: not all of these choices have it; try those that do by themselves"
        if key in known:
            return f"{PARAMS_FILE}: lacks {key}; `python -m pipeline` rewrites it"
        beside = [each for each in known if each.rpartition(".")[0] == key.rpartition(".")[0]]
        return f"{key}: unknown key; {suggest(key, beside or known)}"
    if text.startswith("Ambiguous value"):
        asked = text.split("'")[1]
        return (
            f"{asked}: `python -m pipeline.sweep` tries several values; a list is in brackets, "
            "and a text with commas in quotes within quotes: KEY='\"…\"'"
        )
    return text.partition(" Config search path:")[0]


def tell_drift(given: Tree) -> None:
    """Say in one line where params.yaml is not what conf/ composes to by default."""
    try:
        keys = differing_keys(given, compose([]))
    except (InputError, OSError, HydraException, OmegaConfBaseException):
        return  # conf/ is broken or being edited, but the stage needed only params.yaml
    if keys:
        listed = ", ".join(keys[:6]) + (f" and {len(keys) - 6} more" if len(keys) > 6 else "")
        log.info("params.yaml differs from the defaults of conf/ in %s", listed)
