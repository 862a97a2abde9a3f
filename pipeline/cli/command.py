"""Run a command: read its arguments, check its configuration, end errors in one line.

A command's configuration is composed once, here. Where flags or settings of Hydra's own are typed,
and for sweeps, Hydra starts instead: `start` and `run_sweep` choose.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore

from pipeline.cli.command_line import SWEEP_FLAGS, CommandLine, quote_all, sweep_arguments
from pipeline.cli.drift import report_drift_of_stage
from pipeline.cli.explaining import errors_in_one_line
from pipeline.cli.starts import compose_once, run_hydra_main
from pipeline.config.checking import validate, validate_options
from pipeline.config.params import read_params
from pipeline.config.schema import AnyOptions, Config
from pipeline.config.trees import Tree
from pipeline.system.errors import InputError
from pipeline.system.garbage import collect_garbage_less_often

# For commands that run on params.yaml instead of composing the groups of conf/.
STAGE_CONFIG = {
    "defaults": ["params", "_self_", {"override hydra/job_logging": "stages"}],
    "hydra": {
        "output_subdir": None,
        "run": {"dir": "."},
        "sweep": {"dir": ".", "subdir": "."},
    },
}


def run_stage(run: Callable[[Config], None], about: str | None) -> None:
    """Run a stage on params.yaml and the command line's overrides, checked before it starts.

    Args:
        run: The stage.
        about: What its module says about itself, for `--help`.
    """
    with _command("stage", about) as line:
        given = _offer_params("stage")
        run(validate(start(line)))
        report_drift_of_stage(given)  # last: composing conf/ takes as long as reading many pictures


def run_tool(
    schema: type[AnyOptions], run: Callable[[Config, AnyOptions], None], about: str | None
) -> None:
    """Run a command on params.yaml with options of its own; overrides may name either."""
    own = schema().model_dump()
    with _command("tool", about, options=tuple(own)) as line:
        _offer_params("tool", own)
        tree = start(line)
        config = validate({key: value for key, value in tree.items() if key not in own})
        run(config, validate_options(schema, {key: tree[key] for key in own}))


def run_command(
    run: Callable[[Tree], None],
    about: str | None,
    config_name: str = "config",
    typed: Sequence[str] | None = None,
) -> None:
    """Run a command on a configuration composed from conf/.

    Args:
        run: The command.
        about: What its module says about itself, for `--help`.
        config_name: The file in conf/ that it composes.
        typed: Its arguments; None takes those of this process.
    """
    with _command(config_name, about, typed) as line:
        run(start(line))


def run_sweep(run: Callable[..., None], about: str | None, folder: Path) -> None:
    """Run a command on every configuration of a grid.

    Args:
        run: Takes the list of configurations, and what the launcher adds.
        about: What its module says about itself, for `--help`.
        folder: Where Hydra notes what it was called with.
    """
    with _command("config", about, sweep_arguments(sys.argv[1:], folder)) as line:
        configs, *launcher = _calls(line)[0]
        if isinstance(configs, dict):  # one after the other, as Hydra's own launcher does
            raise InputError("hydra/launcher=basic: leave it out to run one trial at a time")
        run(configs, *launcher)


def start(line: CommandLine) -> Tree:
    """Return the configuration that a command line asks for.

    Raises:
        InputError: It asks for several.
        SystemExit: It asks for something else, such as `--cfg job`, and that is done.
    """
    several = InputError("one experiment at a time here; `python -m pipeline.sweep` runs many")
    if line.has(*SWEEP_FLAGS):
        raise several
    if not line.needs_hydra_main:
        return compose_once(line)
    (config, *_), *others = _calls(line)
    if others or not isinstance(config, dict):
        raise several
    return config


def _calls(line: CommandLine) -> list[tuple[Any, ...]]:
    calls = run_hydra_main(line)
    if not calls:
        raise SystemExit(0)
    return calls


@contextmanager
def _command(
    config_name: str,
    about: str | None,
    typed: Sequence[str] | None = None,
    options: tuple[str, ...] = (),
) -> Iterator[CommandLine]:
    collect_garbage_less_often()
    arguments = quote_all(sys.argv[1:] if typed is None else typed)
    line = CommandLine(arguments, config_name, about or "", options)
    with errors_in_one_line(line):
        yield line


def _offer_params(name: str, own: Tree | None = None) -> Tree:
    """Store a configuration that takes params.yaml under a name for Hydra; return params.yaml.

    Stored rather than searched for: for `--help`, Hydra lists all that lies in a folder.
    """
    given = read_params()
    store = ConfigStore.instance()
    store.store(name="params", node=given)
    store.store(name=name, node={**STAGE_CONFIG, **(own or {})})
    return given
