"""Turn an exception into a one-line error message."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from pipeline.cli.command_line import CommandLine
from pipeline.cli.messages import fail
from pipeline.config.composing import compose
from pipeline.config.params import PARAMS_FILE, read_params
from pipeline.config.places import CONF_DIR, choices, groups
from pipeline.config.trees import flatten
from pipeline.config.wording import suggest, suggest_key
from pipeline.system.errors import InputError, in_one_line


@contextmanager
def errors_in_one_line(line: CommandLine) -> Iterator[None]:
    """End the program with a one-line message if the block finds the user's input wrong."""
    try:
        yield
    except (InputError, OSError, HydraException, OmegaConfBaseException) as error:
        if _was_interrupted(error):
            fail("interrupted", code=130)
        fail(explain(error, line))
    except KeyboardInterrupt:
        fail("interrupted", code=130)


def _was_interrupted(error: BaseException | None) -> bool:
    """Return whether Ctrl-C is behind an error: what it leaves half done can fail while ending."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def explain(error: Exception, line: CommandLine) -> str:
    """Return what went wrong, where, and what to do about it, in one line."""
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}; fix this and run the command again"
    text = in_one_line(error)
    if isinstance(error, OverrideParseException):
        return f"{error.override}: cannot be read as KEY=VALUE"
    if "No match in the defaults list" in text:
        choice = text.split("'")[1]
        return f"{choice}: a stage has no config groups; use `digits {choice}=…`"
    if unknown_key := re.match(r"Could not override '([^']+)'", text):
        return _explain_key(unknown_key[1], line)
    if missing := re.search(r"Could not find '([^']+)/([^/']+)'", text):
        return _explain_choice(missing[1], missing[2], text)
    if text.startswith("Ambiguous value"):
        override = text.split("'")[1]
        return (
            f"{override}: to try several values, use `digits sweep`; put a list in "
            "brackets, and a text with commas in double quotes: KEY='\"…\"'"
        )
    return text.partition(" Config search path:")[0]


def _explain_key(key: str, line: CommandLine) -> str:
    """Return why a key cannot be set."""
    known = _known_keys(line)
    if key in known and line.composes_groups:
        return f"{key}: not all of the chosen variants have this key; run those that do separately"
    if key in known:
        return f"{PARAMS_FILE}: lacks {key}; `digits` rewrites it"
    known_groups = groups() if line.composes_groups and line.config_name == "config" else []
    return f"{key}: unknown key; {suggest_key(key, known, known_groups)}"


def _explain_choice(group: str, choice: str, text: str) -> str:
    names = choices(group)
    return f"{group}={choice}: no such choice; {suggest(choice, names)}" if names else text


def _known_keys(line: CommandLine) -> list[str]:
    """Return the keys that a command line can set, given its choices from the groups in conf/."""
    composes = line.composes_groups
    choices = [argument for argument in line.arguments if composes and _chooses_one(argument)]
    try:
        tree = compose(choices, line.config_name if composes else "config")
    except Exception:  # whatever is wrong with the arguments is being explained already
        tree = read_params()
    own = line.options.model_fields if line.options and not line.at else {}
    return [*own, *flatten(tree)]


def _chooses_one(argument: str) -> bool:
    group, _, choice = argument.lstrip("+").partition("=")
    return (CONF_DIR / group.partition("@")[0]).is_dir() and choice.replace("_", "").isalnum()
