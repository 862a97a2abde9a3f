"""Take over what won: `python -m pipeline.promote run=<MLflow run id | best>`.

Writes the configuration of a run to params.yaml, so that `dvc repro` makes it the experiment of the
project, with the same numbers on the same machine.
"""

import logging

import yaml

from pipeline.cli.command import run_command
from pipeline.cli.workspace import own_params
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.config.params import PARAMS_FILE, dump
from pipeline.config.trees import Tree
from pipeline.experiments.results import load_best
from pipeline.system.errors import InputError
from pipeline.system.files import write_text
from pipeline.tracking.past_runs import recorded_config

log = logging.getLogger(__name__)


def run(tree: Tree) -> None:
    """Write the configuration of the chosen run to params.yaml.

    Raises:
        InputError: There is no such run, or its configuration is none for this code.
    """
    chosen = tree["run"]
    if chosen is None:
        raise InputError("say which: run=<MLflow run id>, or run=best")
    if not isinstance(chosen, str):  # an id of digits alone
        raise InputError(f"run={chosen}: read as a number; type run='\"{chosen}\"'")
    config = _best() if chosen == "best" else _recorded(chosen, tree)
    validate(config)
    with own_params():
        write_text(PARAMS_FILE, dump(config))
    log.info("params.yaml rewritten; `dvc repro` makes it the experiment of the project")


def _best() -> Tree:
    best = load_best()
    if best is None:
        raise InputError("run=best: no sweep has ended here; `python -m pipeline.sweep` runs one")
    log.info(
        "%s, validation accuracy %.2f %%, %s",
        best["name"], 100 * best["val_accuracy"],
        f"MLflow run {best['run_id']}" if best["run_id"] else "not recorded",
    )  # fmt: skip
    config: Tree = best["config"]
    return config


def _recorded(run_id: str, tree: Tree) -> Tree:
    tracking = validate({**compose([]), "tracking": tree["tracking"]}).tracking
    config = yaml.safe_load(recorded_config(tracking, run_id))
    if not isinstance(config, dict):
        raise InputError(f"run={run_id}: its configuration is not readable")
    return config


def main() -> None:
    """Run from the command line."""
    run_command(run, "promote")


if __name__ == "__main__":
    main()
