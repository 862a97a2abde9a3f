"""What was typed after a command, in a form that Hydra reads as it was meant."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from pipeline.config.places import CONF_DIR

SWEEP_FLAGS = ("-m", "--multirun")


@dataclass(frozen=True)
class CommandLine:
    """One call of a command.

    Attributes:
        arguments: What was typed, as Hydra takes it.
        config_name: The configuration the command runs on, of conf/ or of Hydra's store.
        about: What the command's module says about itself, for `--help`.
        options: Keys that the command takes besides those of its configuration.
    """

    arguments: tuple[str, ...]
    config_name: str
    about: str
    options: tuple[str, ...] = ()

    @property
    def composes_groups(self) -> bool:
        """Whether the command composes conf/; a stage or a tool runs on params.yaml."""
        return (CONF_DIR / f"{self.config_name}.yaml").is_file()

    @property
    def needs_hydra_main(self) -> bool:
        """Whether it holds what only Hydra's own start understands: flags and settings of Hydra."""
        return any(
            argument.startswith("-") or argument.lstrip("+~").startswith("hydra")
            for argument in self.arguments
        )

    def has(self, *flags: str) -> bool:
        """Say whether one of these flags was typed."""
        return not {*flags}.isdisjoint(self.arguments)


def sweep_arguments(typed: Sequence[str], folder: Path) -> list[str]:
    """Return the arguments that make Hydra compose a grid; it leaves a note of them in `folder`."""
    added = [SWEEP_FLAGS[-1], f"hydra.sweep.dir={folder}"]
    if not any(argument.startswith("hydra/launcher=") for argument in typed):
        added.append("hydra/launcher=one_by_one")
    return [*added, *(argument for argument in typed if argument not in SWEEP_FLAGS)]


def quote_all(typed: Iterable[str]) -> tuple[str, ...]:
    """Put quotes around the values that Hydra's grammar cannot read without, as many a path."""
    typed = tuple(typed)
    sweeps = not {*SWEEP_FLAGS}.isdisjoint(typed)
    return tuple(quote(argument, sweeps=sweeps) for argument in typed)


def quote(argument: str, *, sweeps: bool) -> str:
    """Put quotes around a value if that makes `argument` an override and it is none as it is.

    Args:
        argument: One argument as typed.
        sweeps: Whether commas part the values of a grid.
    """
    key, equals, value = argument.partition("=")
    meant_otherwise = (
        argument.startswith(("-", "~"))
        or not equals
        or re.fullmatch(r"\w+\(.*\)", value)  # a function of Hydra's, mistyped
        or ("," in value and sweeps)
    )
    if meant_otherwise or _is_override(argument):
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
