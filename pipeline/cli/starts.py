"""The two ways a command gets its configuration: composed here, or by Hydra's own start."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import configure_log
from omegaconf import DictConfig, open_dict

from pipeline.cli.command_line import CommandLine
from pipeline.cli.explaining import errors_in_one_line
from pipeline.cli.help import help_command_line, names_completion_action
from pipeline.config.composing import UNREADABLE, broken_conf, to_tree
from pipeline.config.places import CONF_DIR
from pipeline.config.trees import Tree
from pipeline.system.errors import InputError

# What Hydra calls a task with: a configuration, or all those of a sweep and what its launcher adds.
Call = tuple[Any, ...]


def compose_once(line: CommandLine) -> Tree:
    """Compose what a command line asks for and log as it says, as `hydra.main` would.

    `hydra.main` composes everything twice, and predict-custom would have to wait for that.
    """
    with _errors_of_composing():
        with hydra.initialize_config_dir(str(CONF_DIR), version_base="1.3"):
            config = hydra.compose(line.config_name, list(line.arguments), return_hydra_config=True)
        HydraConfig.instance().set_config(config)  # what ${hydra:…} resolves by
        configure_log(config.hydra.job_logging, config.hydra.verbose)
    with open_dict(config):
        del config["hydra"]
    return to_tree(config)


def run_hydra_main(line: CommandLine) -> list[Call]:
    """Let Hydra do what its flags and settings ask for; return the calls it makes of a task.

    The task itself runs after Hydra has ended: its errors are no errors of composing.

    Returns:
        One call as a rule, none where a flag such as `--cfg` was all that was asked for, and
        several where a launcher of Hydra's takes the configurations of a sweep one by one.
    """
    if line.has("-h", "--help"):
        line = help_command_line(line)
    if line.has("-sc", "--shell-completion") and not names_completion_action(line.arguments):
        raise InputError(
            "--shell-completion: say install=SHELL or uninstall=SHELL; bash, zsh or fish"
        )
    calls: list[Call] = []

    def note(configs: Any, *launcher: Any) -> None:
        with errors_in_one_line(line):  # Hydra would write at length about what it calls
            calls.append((_resolved(configs), *launcher))

    main = hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name=line.config_name)
    with _errors_of_composing(), _seen_by_hydra(line.arguments):
        main(note)()
    return calls


def _resolved(configs: Any) -> Tree | list[Tree]:
    if isinstance(configs, DictConfig):
        return to_tree(configs)
    return [to_tree(config) for config in configs]  # from a launcher of ours


@contextmanager
def _errors_of_composing() -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise broken_conf(error) from error
    except (ValueError, AttributeError) as error:  # Hydra's, about what was typed
        raise InputError(f"nothing can be composed of that: {error}; see --help") from error


@contextmanager
def _seen_by_hydra(arguments: Sequence[str]) -> Iterator[None]:
    """Put arguments where Hydra looks for them, and have it raise errors instead of printing."""
    os.environ["HYDRA_FULL_ERROR"] = "1"
    before = sys.argv
    sys.argv = [before[0], *arguments]
    try:
        yield
    finally:
        sys.argv = before
