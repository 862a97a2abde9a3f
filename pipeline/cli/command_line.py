"""A command's arguments, quoted so that Hydra reads them as intended."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from pipeline.config.places import CONF_DIR
from pipeline.config.schema import Section

SWEEP_FLAGS = ("-m", "--multirun")


@dataclass(frozen=True)
class CommandLine:
    """One call of a command.

    Attributes:
        arguments: The arguments, quoted for Hydra.
        config_name: The command's configuration, in conf/ or in Hydra's store.
        about: The docstring of the command's module, for `--help`.
        options: The command's own options, for `--help`; None if it has none.
        at: What stands before the names of its own options, such as "race."
        sections: The parts of the configuration that `--help` describes; it only lists the others.
    """

    arguments: tuple[str, ...]
    config_name: str
    about: str
    options: type[Section] | None = None
    at: str = ""
    sections: tuple[str, ...] = ()

    @property
    def composes_groups(self) -> bool:
        """Whether the command composes conf/; a stage or a tool runs on params.yaml."""
        return (CONF_DIR / f"{self.config_name}.yaml").is_file()

    @property
    def needs_hydra_main(self) -> bool:
        """Whether it holds Hydra's own flags or settings, which only `hydra.main` understands."""
        return any(
            argument.startswith("-") or argument.lstrip("+~").startswith("hydra")
            for argument in self.arguments
        )

    @property
    def asks_for_help(self) -> bool:
        """Whether it asks what the command does, instead of asking to do it."""
        return self.has("-h", "--help")

    def sets(self, key: str) -> bool:
        """Return whether a key was given a value."""
        return any(argument.lstrip("+").startswith(f"{key}=") for argument in self.arguments)

    def has(self, *flags: str) -> bool:
        """Return whether one of these flags was given."""
        return not {*flags}.isdisjoint(self.arguments)


def sweep_arguments(arguments: Sequence[str], folder: Path) -> list[str]:
    """Return arguments that make Hydra compose a grid, with a race, and record them in `folder`."""
    quoted = str(folder).replace("'", r"\'")  # a comma would separate values
    added = [SWEEP_FLAGS[-1], f"hydra.sweep.dir='{quoted}'", "+race=default"]
    if not any(argument.startswith("hydra/launcher=") for argument in arguments):
        added.append("hydra/launcher=one_by_one")
    return [*added, *(argument for argument in arguments if argument not in SWEEP_FLAGS)]


def quote_all(arguments: Iterable[str]) -> tuple[str, ...]:
    """Quote the values that Hydra's grammar cannot read unquoted, such as many paths."""
    arguments = tuple(arguments)
    sweeps = not {*SWEEP_FLAGS}.isdisjoint(arguments)
    return tuple(quote(argument, sweeps=sweeps) for argument in arguments)


def quote(argument: str, *, sweeps: bool) -> str:
    """Quote the value of an argument that is a valid override only when quoted.

    Args:
        argument: One argument, as the user typed it.
        sweeps: Whether commas separate the values of a grid.
    """
    key, equals, value = argument.partition("=")
    not_quotable = (
        argument.startswith(("-", "~"))
        or not equals
        or re.fullmatch(r"\w+\(.*\)", value)  # a mistyped function of Hydra's
        or ("," in value and sweeps)
    )
    if not_quotable or _is_override(argument):
        return argument
    escaped = value.replace('"', r"\"")
    quoted = f'{key}="{escaped}"'
    return quoted if _is_override(quoted) else argument


def _is_override(argument: str) -> bool:
    try:
        OverridesParser.create().parse_override(argument)
    except HydraException:
        return False
    return True
