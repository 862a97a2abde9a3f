"""Many experiments: `python -m pipeline.sweep KEY=VALUE,VALUE … [hydra/launcher=joblib or ray]`.

Hydra makes the grid; the code of the stages trains and measures every trial. No trial is run twice:
a sweep that was stopped goes on where it was.
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
    """Run a sweep over composed configurations and show what it came to.

    Args:
        trees: The configurations.
        open_executor: Sets up what runs the trials.
        workers: How many trials share the cores of this machine; None if they run on others.
    """
    sweep = plan(trees, open_executor, workers)
    for key in idle_keys(trees, sweep.trials):
        log.warning("%s: makes no difference, a trial only trains a network and measures it", key)
    show(sweep.run())


def main() -> None:
    """Run from the command line."""
    run_sweep(run, sweeps_dir())


if __name__ == "__main__":
    main()
