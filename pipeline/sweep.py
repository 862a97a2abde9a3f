"""Run a sweep: `python -m pipeline.sweep KEY=VALUE,VALUE … [hydra/launcher=joblib or ray]`.

Hydra builds the grid; the stages' code trains and evaluates every trial. No trial runs twice: an
interrupted sweep resumes where it stopped.
"""

import logging
from collections.abc import Sequence

from pipeline.cli.command import run_sweep
from pipeline.config.trees import Tree
from pipeline.experiments.results import show
from pipeline.experiments.sweep import OpenExecutor, idle_keys, plan
from pipeline.experiments.trial import sweeps_dir

log = logging.getLogger(__name__)


def run(trees: Sequence[Tree], open_executor: OpenExecutor, workers: int | None) -> None:
    """Run a sweep over composed configurations and show its results.

    Args:
        trees: The configurations.
        open_executor: Opens the executor that runs the trials.
        workers: How many trials share the cores of this machine; None if they run on other
            machines.
    """
    sweep = plan(trees, open_executor, workers)
    for key in idle_keys(trees, sweep.trials):
        log.warning("%s: has no effect; a trial only trains and evaluates a network", key)
    show(sweep.run())


def main() -> None:
    """Run from the command line."""
    run_sweep(run, __doc__, sweeps_dir())


if __name__ == "__main__":
    main()
