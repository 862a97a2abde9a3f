"""Start a command: Hydra reads the arguments, and errors end in one line."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import configure_log
from hydra.errors import HydraException
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from pipeline.cli.explaining import explain, tell_drift
from pipeline.cli.help import describe_command, says_what_to_complete
from pipeline.cli.messages import fail
from pipeline.config.checking import validate, validate_options
from pipeline.config.composing import UNREADABLE, broken_conf, to_tree
from pipeline.config.params import read_params
from pipeline.config.places import CONF_DIR
from pipeline.config.schema import Config, Given
from pipeline.config.trees import Tree
from pipeline.system.errors import InputError
from pipeline.system.machine import collect_seldom

ONE_AT_A_TIME = "one experiment at a time here; `python -m pipeline.sweep` runs many"

# For commands that run on params.yaml instead of composing from the groups of conf/.
STAGE_CONFIG = {
    "defaults": ["params", "_self_", {"override hydra/job_logging": "stages"}],
    "hydra": {
        "output_subdir": None,
        "run": {"dir": "."},
        "sweep": {"dir": ".", "subdir": "."},
    },
}


def run_stage(run: Callable[[Config], None]) -> None:
    """Run a stage on params.yaml with the command line's overrides, checked before it starts."""
    with _errors_in_one_line():
        given = _store("stage", STAGE_CONFIG)

    def task(tree: Tree) -> None:
        run(validate(tree))
        tell_drift(given)  # last: composing conf/ takes as long as reading many pictures

    run_command(task, "stage")


def run_tool(schema: type[Given], run: Callable[[Config, Given], None]) -> None:
    """Run a command on params.yaml with options of its own; overrides may name either."""
    own = schema().model_dump()
    with _errors_in_one_line():
        _store("tool", {**STAGE_CONFIG, **own})

    def task(tree: Tree) -> None:
        config = validate({key: value for key, value in tree.items() if key not in own})
        run(config, validate_options(schema, {key: tree[key] for key in own}))

    run_command(task, "tool", own)


def _store(name: str, config: Tree) -> Tree:
    """Make a configuration that takes params.yaml known to Hydra; return what is in params.yaml.

    Handed over instead of searched for: for `--help`, Hydra lists all that is in a folder.
    """
    given = read_params()
    store = ConfigStore.instance()
    store.store(name="params", node=given)
    store.store(name=name, node=config)
    return given


def run_command(
    task: Callable[[Tree], None], config_name: str = "config", options: Iterable[str] = ()
) -> None:
    """Let Hydra compose a configuration and hand it to `task`; exit with 1 on bad input.

    Args:
        task: What is to be done.
        config_name: Which one, of conf/ or of Hydra's store.
        options: Keys that the command takes besides those of conf/.
    """

    def with_one(config: Any, *_: Any) -> None:
        if not isinstance(config, DictConfig):  # from a launcher of ours
            fail(ONE_AT_A_TIME)
        task(to_tree(config))

    if {"-m", "--multirun"} & set(sys.argv):
        fail(ONE_AT_A_TIME)

    _run_hydra(with_one, config_name, options)


def run_sweep(task: Callable[..., None], folder: Path) -> None:
    """Let Hydra compose every configuration of a grid, and hand them to `task`.

    Args:
        task: Takes the list of configurations, and what a launcher of ours gives it besides.
        folder: Where Hydra leaves what it was called with.
    """

    def with_all(configs: Any, *launcher: Any) -> None:
        if isinstance(configs, DictConfig):  # one after the other, as Hydra's own launcher does
            raise InputError("hydra/launcher=basic: leave it out to run one trial at a time")
        task([to_tree(config) for config in configs], *launcher)

    sys.argv[1:] = [argument for argument in sys.argv[1:] if argument not in ("-m", "--multirun")]
    added = ["--multirun", f"hydra.sweep.dir={folder}"]
    if not any(argument.startswith("hydra/launcher=") for argument in sys.argv):
        added.append("hydra/launcher=one_by_one")
    sys.argv[1:1] = added
    _run_hydra(with_all, "config")


def _run_hydra(task: Callable[..., None], config_name: str, options: Iterable[str] = ()) -> None:
    collect_seldom()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come here instead of being printed at length
    sys.argv[1:] = map(_quoted, sys.argv[1:])
    # Hydra's own start composes everything twice, and predict-custom waits for that, so it does
    # what only it can: flags such as --help, and settings of its own.
    by_hydra = any(
        argument.startswith("-") or argument.lstrip("+~").startswith("hydra")
        for argument in sys.argv[1:]
    )
    if {"-h", "--help"} & set(sys.argv):
        describe_command(config_name)
    if {"-sc", "--shell-completion"} & set(sys.argv) and not says_what_to_complete(sys.argv):
        fail("--shell-completion: say install=SHELL or uninstall=SHELL; bash, zsh or fish")
    main = hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name=config_name)
    composed = False

    def guarded(*arguments: Any) -> None:
        nonlocal composed
        composed = True
        # Before Hydra's launchers tell of them at length.
        with _errors_in_one_line(config_name, options):
            task(*arguments)

    with _errors_in_one_line(config_name, options):
        try:
            main(guarded)() if by_hydra else guarded(_compose_once(config_name))
        except UNREADABLE as error:
            if composed:
                raise
            raise broken_conf(error) from error
        except (ValueError, AttributeError) as error:  # of Hydra's, about what was typed
            if composed:
                raise
            raise InputError(f"nothing can be composed of that: {error}; see --help") from error


def _quoted(argument: str) -> str:
    """Put a value in Hydra's quotes that its grammar has no words for, such as many a path."""
    key, equals, value = argument.partition("=")
    meant_otherwise = (
        argument.startswith(("-", "~"))
        or not equals
        or re.fullmatch(r"\w+\(.*\)", value)  # a function of Hydra's, mistyped
        or ("," in value and "--multirun" in sys.argv)
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


@contextmanager
def _errors_in_one_line(config_name: str = "", options: Iterable[str] = ()) -> Iterator[None]:
    try:
        yield
    except (InputError, OSError, HydraException, OmegaConfBaseException) as error:
        fail(explain(error, config_name, options))
    except KeyboardInterrupt:
        fail("interrupted", code=130)


def _compose_once(config_name: str) -> DictConfig:
    """Compose what the command line asks for, and log as it says, as `hydra.main` would."""
    with hydra.initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        config = hydra.compose(config_name, sys.argv[1:], return_hydra_config=True)
    HydraConfig.instance().set_config(config)  # what ${hydra:…} resolves by
    configure_log(config.hydra.job_logging, config.hydra.verbose)
    with open_dict(config):
        del config["hydra"]
    return config
