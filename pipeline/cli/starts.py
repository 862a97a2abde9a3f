"""The two ways to get a command's configuration: compose it here, or run `hydra.main`."""

import io
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import configure_log
from hydra.errors import HydraException
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from pipeline.cli.command_line import CommandLine
from pipeline.cli.explaining import errors_in_one_line
from pipeline.config.composing import UNREADABLE, broken_conf, to_tree
from pipeline.config.places import CONF_DIR
from pipeline.config.trees import Tree
from pipeline.system.errors import InputError, in_one_line

# The arguments of Hydra's call of a task: a configuration, or all configurations of a sweep and
# what our launcher adds.
Call = tuple[Any, ...]


def compose_once(line: CommandLine) -> Tree:
    """Compose a command line's configuration and set up logging, as `hydra.main` would.

    `hydra.main` composes everything twice, which would delay predict-custom.
    """
    with _errors_of_composing(line.arguments):
        with hydra.initialize_config_dir(str(CONF_DIR), version_base="1.3"):
            config = hydra.compose(line.config_name, list(line.arguments), return_hydra_config=True)
        HydraConfig.instance().set_config(config)  # for resolving ${hydra:…}
        configure_log(config.hydra.job_logging, config.hydra.verbose)
    with open_dict(config):
        del config["hydra"]
    return to_tree(config)


def run_hydra_main(line: CommandLine) -> list[Call]:
    """Run `hydra.main` with its flags and settings; return the arguments of each call of a task.

    The real task runs after Hydra has returned, so its errors are not taken for Hydra's.

    Returns:
        Usually one call; none if a flag such as `--cfg` left nothing to run; several if one of
        Hydra's own launchers takes the configurations of a sweep one by one.
    """
    if line.has("-sc", "--shell-completion") and not _names_completion_action(line.arguments):
        raise InputError(
            "--shell-completion: add install=SHELL or uninstall=SHELL (bash, zsh or fish)"
        )
    calls: list[Call] = []

    def note(configs: Any, *launcher: Any) -> None:
        with errors_in_one_line(line):  # Hydra would print a long message of its own
            calls.append((_resolved(configs), *launcher))

    main = hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name=line.config_name)
    with _errors_of_composing(line.arguments), _argv_for_hydra(line.arguments):
        _check_flags(line.arguments)
        main(note)()
    return calls


def _names_completion_action(arguments: Iterable[str]) -> bool:
    """Return whether Hydra's shell completion has an action; without one it ends in a traceback."""
    return any(re.match("(install|uninstall|query)=", argument) for argument in arguments)


def _check_flags(arguments: Sequence[str]) -> None:
    """Check Hydra's flags; it would print their usage, over eight lines.

    Raises:
        InputError: A flag is unknown or lacks its value.
    """
    printed = io.StringIO()
    try:
        with redirect_stderr(printed):
            get_args_parser().parse_args(arguments)
    except SystemExit as ended:
        if not ended.code:  # as after --version
            raise
        wrong = in_one_line(printed.getvalue().partition(" error: ")[2])
        raise InputError(f"{wrong}; write settings as KEY=VALUE, and see --help") from None


def _resolved(configs: Any) -> Tree | list[Tree]:
    if isinstance(configs, DictConfig):
        return to_tree(configs)
    return [to_tree(config) for config in configs]  # from one of our launchers


@contextmanager
def _errors_of_composing(arguments: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except (InputError, OSError, HydraException, OmegaConfBaseException):
        raise
    except UNREADABLE as error:
        raise broken_conf(error) from error
    except Exception as error:  # Hydra raises all kinds for arguments that it did not expect
        given, reason = " ".join(arguments), str(error) or type(error).__name__
        raise InputError(
            f"{in_one_line(given, 200)}: cannot compose a configuration: "
            f"{in_one_line(reason, 200)}; see --help"
        ) from error


@contextmanager
def _argv_for_hydra(arguments: Sequence[str]) -> Iterator[None]:
    """Put arguments into sys.argv for Hydra, and make it raise errors instead of printing them."""
    os.environ["HYDRA_FULL_ERROR"] = "1"
    before = sys.argv
    sys.argv = [before[0], *arguments]
    try:
        yield
    finally:
        sys.argv = before
