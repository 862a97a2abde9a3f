"""Run every combination of several values: `digits sweep KEY=VALUE,VALUE …`.

Hydra builds the grid; the stages' code trains and evaluates every trial. No trial runs twice: an
interrupted sweep resumes where it stopped. `seed=1,2,3,4,5` repeats every configuration, and
`race.seeds=8` repeats those that may yet be the best.
"""

import logging
from collections.abc import Sequence

from pipeline.cli.command import run_sweep
from pipeline.config.checking import validate_options
from pipeline.config.trees import Tree
from pipeline.experiments.comparing.best import show
from pipeline.experiments.race import RaceSettings
from pipeline.experiments.sweep import OpenExecutor, idle_keys, plan
from pipeline.experiments.trial import sweeps_dir
from pipeline.system.errors import InputError

log = logging.getLogger(__name__)

RACE = "race."


def run(trees: Sequence[Tree], open_executor: OpenExecutor, workers: int | None) -> None:
    """Run a sweep over composed configurations and show its results.

    Args:
        trees: The configurations, each with the settings of a race.
        open_executor: Opens the executor that runs the trials.
        workers: How many trials share the cores of this machine; None if they run on other
            machines.
    """
    race = _race_of([tree.pop("race", {}) for tree in trees])
    sweep = plan(trees, open_executor, workers, race)
    for key in idle_keys(trees, sweep.trials):
        log.warning("%s: has no effect; a trial only trains and evaluates a network", key)
    show(sweep.run())


def _race_of(settings: Sequence[Tree]) -> RaceSettings | None:
    if any(other != settings[0] for other in settings):
        raise InputError("race: its settings are those of the whole sweep; give each one value")
    race = validate_options(RaceSettings, settings[0] if settings else {}, RACE)
    return race if race.seeds else None


def main() -> None:
    """Run from the command line."""
    run_sweep(run, __doc__, sweeps_dir(), RaceSettings, RACE)


if __name__ == "__main__":
    main()
