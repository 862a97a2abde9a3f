"""Run a command: read its arguments, check its configuration, report errors in one line.

A command's configuration is normally composed here, once. For sweeps, and where Hydra's own flags
or settings are given, `hydra.main` composes it: see `run_sweep` and `start`.
"""

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore

from pipeline.cli.command_line import SWEEP_FLAGS, CommandLine, quote_all, sweep_arguments
from pipeline.cli.drift import report_drift_of_stage
from pipeline.cli.explaining import errors_in_one_line
from pipeline.cli.messages import ends_quietly_without_reader
from pipeline.cli.project.dvc import expect_usable_path
from pipeline.cli.project.inputs import Inputs, inputs_of_stage
from pipeline.cli.project.orphans import ended_with_dvc
from pipeline.cli.project.workspace import hold_dvc_until_exit, lock_dvc, lock_workspace
from pipeline.cli.starts import compose_once, run_hydra_main
from pipeline.config.checking import validate, validate_options
from pipeline.config.params import read_params
from pipeline.config.places import ROOT, sections_of_stage
from pipeline.config.schema import AnyOptions, Config, Section
from pipeline.config.trees import Tree
from pipeline.system.environment import settle_environment
from pipeline.system.errors import InputError
from pipeline.system.files import typed_path
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

# Settings that may be relative paths.
TYPED_PATHS = (("data", "path"), ("predict", "images"), ("predict", "output"))


def run_stage(
    run: Callable[[Config], None],
    about: str | None,
    writes_here: Callable[[Config], bool] = lambda _: True,
) -> None:
    """Run a stage on params.yaml with the command line's overrides, validated first.

    It runs in the project's folder, as DVC runs it.

    Args:
        run: The stage.
        about: The module's docstring, for `--help`.
        writes_here: Whether it changes what an experiment in this checkout reads or writes. If so,
            and if a person runs it, it is refused while one runs.
    """
    with _command("stage", about) as line:
        if line.asks_for_help:
            module = f"pipeline.stages.{Path(inspect.getfile(run)).stem}"
            line = replace(line, sections=sections_of_stage(module))
        inputs = inputs_of_stage()
        params = _store_params("stage")
        tree = _with_typed_paths(start(line), line)
        os.chdir(ROOT)
        config = validate(tree)
        if inputs:
            with _for_dvc(inputs, params):
                run(config)
        else:
            with _alone() if writes_here(config) else nullcontext():
                run(config)
            report_drift_of_stage(params)


@contextmanager
def _for_dvc(inputs: Inputs, params: Tree) -> Iterator[None]:
    """Run a stage for DVC; say also of one that fails where its settings are not the defaults."""
    try:
        expect_usable_path()
        with ended_with_dvc():
            hold_dvc_until_exit()
            inputs.check()
            yield
            inputs.check()
    finally:
        # Last, since composing conf/ takes as long as reading many pictures.
        report_drift_of_stage(params)


@contextmanager
def _alone() -> Iterator[None]:
    with lock_workspace(), lock_dvc():
        yield


def _with_typed_paths(tree: Tree, line: CommandLine) -> Tree:
    """Return a configuration in which a path typed in another folder leads there."""
    if Path.cwd() == ROOT:
        return tree
    for section, key in TYPED_PATHS:
        typed = tree[section].get(key)
        if line.sets(f"{section}.{key}") and isinstance(typed, str):
            tree[section] |= {key: _absolute(typed)}
        elif line.sets(f"{section}.{key}") and isinstance(typed, list):
            tree[section] |= {key: [_absolute(place) for place in map(str, typed)]}
    return tree


def _absolute(typed: str) -> str:
    return str(typed_path(typed).absolute())


def run_tool(
    schema: type[AnyOptions],
    run: Callable[[Config, AnyOptions], None],
    about: str | None,
    arguments: Sequence[str] | None = None,
) -> None:
    """Run a command on params.yaml and its own options; overrides can set both.

    Args:
        schema: Its own options.
        run: The command.
        about: The module's docstring, for `--help`.
        arguments: Its arguments; None takes those of this process.
    """
    own = schema().model_dump()
    with _command("tool", about, arguments, options=schema) as line:
        _store_params("tool", own)
        tree = start(line)
        config = validate({key: value for key, value in tree.items() if key not in own})
        run(config, validate_options(schema, {key: tree[key] for key in own}))


def run_command(
    run: Callable[[Tree], None],
    about: str | None,
    config_name: str = "config",
    arguments: Sequence[str] | None = None,
    options: type[Section] | None = None,
    at: str = "",
) -> None:
    """Run a command on a configuration composed from conf/.

    Args:
        run: The command.
        about: The module's docstring, for `--help`.
        config_name: The file in conf/ that it composes.
        arguments: Its arguments; None takes those of this process.
        options: What it sets besides the configuration of an experiment; None if nothing.
        at: What stands before their names, such as "search."
    """
    sections = () if options else tuple(Config.model_fields)
    with _command(config_name, about, arguments, sections, options, at) as line:
        run(start(line))


def run_sweep(
    run: Callable[..., None], about: str | None, folder: Path, options: type[Section], at: str
) -> None:
    """Run a command on every configuration of a grid.

    Args:
        run: The command. Takes the configurations, and the executor and workers of the launcher.
        about: The module's docstring, for `--help`.
        folder: Where Hydra records its arguments.
        options: As for `run_command`, as is `at`.
        at: See there.
    """
    arguments = sweep_arguments(sys.argv[1:], folder)
    with _command("config", about, arguments, options=options, at=at) as line:
        _help_if_asked(line)
        configs, *launcher = _calls(line)[0]
        if isinstance(configs, dict):  # Hydra's own launcher: one call for each
            raise InputError("hydra/launcher=basic: leave it out to run one trial at a time")
        run(configs, *launcher)


def start(line: CommandLine) -> Tree:
    """Return the one configuration that a command line describes.

    Raises:
        InputError: It describes several.
        SystemExit: All is done that a flag such as `--help` or `--cfg job` requests.
    """
    _help_if_asked(line)
    several = InputError("this command runs one experiment; `digits sweep` runs many")
    if line.has(*SWEEP_FLAGS):
        raise several
    if not line.needs_hydra_main:
        return compose_once(line)
    (config, *_), *others = _calls(line)
    if others or not isinstance(config, dict):
        raise several
    return config


def _help_if_asked(line: CommandLine) -> None:
    if line.asks_for_help:
        from pipeline.cli.help.text import help_text

        settings = tuple(each for each in line.arguments if not each.startswith("-"))
        if line.has(*SWEEP_FLAGS):  # several values of a key have no single configuration
            settings = tuple(each for each in settings if each.startswith(("+", "hydra")))
        with ends_quietly_without_reader():
            print(help_text(line, compose_once(replace(line, arguments=settings))))
        raise SystemExit(0)


def _calls(line: CommandLine) -> list[tuple[Any, ...]]:
    calls = run_hydra_main(line)
    if not calls:
        raise SystemExit(0)
    return calls


@contextmanager
def _command(
    config_name: str,
    about: str | None,
    arguments: Sequence[str] | None = None,
    sections: tuple[str, ...] = (),
    options: type[Section] | None = None,
    at: str = "",
) -> Iterator[CommandLine]:
    settle_environment()
    collect_garbage_less_often()
    quoted = quote_all(sys.argv[1:] if arguments is None else arguments)
    line = CommandLine(quoted, config_name, about or "", options, at, sections)
    with errors_in_one_line(line):
        yield line


def _store_params(name: str, own: Tree | None = None) -> Tree:
    """Store a configuration based on params.yaml for Hydra under `name`; return params.yaml.

    If Hydra had to search the folder of params.yaml instead, `--help` would list all its files.
    """
    params = read_params()
    store = ConfigStore.instance()
    store.store(name="params", node=params)
    store.store(name=name, node={**STAGE_CONFIG, **(own or {})})
    return params
