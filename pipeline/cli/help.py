"""Build the text of `--help`."""

import re
from collections.abc import Iterable
from dataclasses import replace

from hydra.core.config_store import ConfigStore

from pipeline.cli.command_line import CommandLine
from pipeline.cli.messages import end_quietly_without_reader


def names_completion_action(arguments: Iterable[str]) -> bool:
    """Return whether Hydra's shell completion has an action; without one it ends in a traceback."""
    return any(re.match("(install|uninstall|query)=", argument) for argument in arguments)


def help_command_line(line: CommandLine) -> CommandLine:
    """Return the command line that prints help, beginning with the command's docstring."""
    end_quietly_without_reader()
    groups = "Groups (GROUP=CHOICE):\n\n$APP_CONFIG_GROUPS\n" if line.composes_groups else ""
    about = line.about.replace("$", "$$")
    text = f"{about}\n{groups}Settings (KEY=VALUE):\n\n$CONFIG"
    ConfigStore.instance().store(name="command", group="hydra/help", node={"template": text})
    # Hydra's argparse accepts overrides only if they stand together.
    overrides = [argument for argument in line.arguments if not argument.startswith("-")]
    return replace(line, arguments=("--help", *overrides, "hydra/help=command"))
