"""A sweep: plan trials, run those that were not run before, and compare them all.

Outcomes and state are saved after every trial. So a sweep that was killed continues where it
stopped, and no sweep repeats a trial that another one has finished.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from pipeline.config.checking import validate
from pipeline.config.schema import Tracking
from pipeline.config.trees import Tree
from pipeline.experiments.comparing.axes import (
    ALWAYS_SHOWN,
    SEED,
    axes,
    axes_in_words,
    axes_params,
    varied_keys,
)
from pipeline.experiments.comparing.recording import record, write
from pipeline.experiments.comparing.results import Result, trial_name
from pipeline.experiments.comparing.table import print_table
from pipeline.experiments.following import followed
from pipeline.experiments.race import Race, RaceSettings
from pipeline.experiments.runs import TrialRuns
from pipeline.experiments.state import Rounds, State
from pipeline.experiments.trial import (
    EpochCallback,
    Executor,
    Outcome,
    Trial,
    make_trial,
    save_outcome,
    sweeps_dir,
)
from pipeline.system.errors import InputError
from pipeline.system.files import reserve_folder
from pipeline.system.machine import cores
from pipeline.system.progress import progress
from pipeline.tracking.addresses import local_store, tracking_uri
from pipeline.tracking.names import SWEEP_TAG
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import Recorder, new_run

log = logging.getLogger(__name__)

OpenExecutor = Callable[[], AbstractContextManager[Executor]]
"""Returns a context manager that sets up an executor and cleans up after it."""


@dataclass(frozen=True)
class Sweep:
    """Trials to run and to compare.

    Attributes:
        trials: Each trial once, in the order of the grid.
        tracking: Where MLflow records them.
        open_executor: Sets up what runs the trials.
        longest_first: Whether to start the longest trials first, so that none is left running alone
            at the end.
        race: The limits of a race that repeats the trials with further seeds; None runs each once.
    """

    trials: Sequence[Trial]
    tracking: Tracking
    open_executor: OpenExecutor
    longest_first: bool
    race: RaceSettings | None = None

    @cached_property
    def folder(self) -> Path:
        """The sweep's folder: the same for the same trials recorded in the same place."""
        tracking = self.tracking
        uri = tracking_uri(tracking)
        # The local store may move, with the project.
        where = None if uri == local_store() else uri
        place = [tracking.enabled, tracking.experiment, where]
        race = [self.race.model_dump()] if self.race else []
        identity = json.dumps([place, sorted(trial.key for trial in self.trials), *race])
        return sweeps_dir() / hashlib.sha256(identity.encode()).hexdigest()[:16]

    @cached_property
    def _axes(self) -> dict[str, list[Any]]:
        return axes([trial.config for trial in self.trials])

    def name_of(self, trial: Trial) -> str:
        """Return the trial's name with all settings that differ between the trials."""
        name = trial_name(trial, [key for key in self._axes if key not in ALWAYS_SHOWN])
        return f"{name} · {SEED} {trial.config[SEED]}" if self.race else name

    def run(self) -> list[Result]:
        """Run the trials that were not run before, record all, and return the results in order.

        Raises:
            InputError: No trial finished, or another process runs the same sweep.
        """
        with reserve_folder(self.folder) as alone:
            if not alone:
                raise InputError("this sweep is already running; wait until it ends, or stop it")
            return self._complete(State.load(self.folder, self.tracking))

    def _complete(self, state: State) -> list[Result]:
        rounds = Rounds(self._race(), self.trials, state.outcomes)
        if not rounds.missing and state.complete:
            log.info("all %d trials have been run before", len(rounds.entered))
            return rounds.results(state)
        known = len(rounds.entered) - len(rounds.missing)
        log.info("%d trials, %d of them run before", len(rounds.entered), known)
        request = RunRequest(
            self.tracking.experiment, self._in_words(), {"stage": SWEEP_TAG, SWEEP_TAG: "parent"}
        )
        with (
            self.open_executor() if rounds.missing else nullcontext(_run_none) as run_trials,
            new_run(self.tracking, request, state.run_id) as recorder,
        ):
            state.run_id = recorder.key
            recorder.record(axes_params(self._axes))
            runs = TrialRuns(self.tracking, state.run_id, self.name_of)
            while True:
                self._copy_known(rounds, runs, state)
                if not rounds.missing:
                    break
                self._run(self._ordered(rounds.missing), run_trials, runs, state)
                rounds.go_on()
            return self._record(recorder, runs, rounds.results(state), state)

    def _race(self) -> Race | None:
        if self.race is None or self.race.seeds is None:
            return None
        names = [key for key in self._axes if key not in ALWAYS_SHOWN]
        return Race(self.race, self.race.seeds, partial(trial_name, keys=names))

    def _in_words(self) -> str:
        """Return the name of the sweep's run: its axes."""
        raced = {SEED: range(self.race.seeds)} if self.race and self.race.seeds else {}
        return axes_in_words({**self._axes, **raced}) or self.name_of(self.trials[0])

    def _ordered(self, missing: Sequence[Trial]) -> list[Trial]:
        """Return trials in the order in which to run them."""
        if not self.longest_first:
            return list(missing)
        return sorted(missing, key=lambda trial: -trial.config["train"]["epochs"])

    def _copy_known(self, rounds: Rounds, runs: TrialRuns, state: State) -> None:
        """Record the outcomes that are known from other sweeps."""
        for trial in rounds.entered.values():
            if trial.key in state.outcomes and trial.key not in state.runs:
                state.runs[trial.key] = runs.copy(trial, state.outcomes[trial.key])
        state.save()

    def _run(
        self, missing: Sequence[Trial], run_trials: Executor, runs: TrialRuns, state: State
    ) -> None:
        with progress(len(missing), "trial") as shown:
            for trial, outcome in run_trials(runs.begin(missing), followed(runs.epoch, shown)):
                save_outcome(trial.key, outcome)
                state.outcomes[trial.key] = outcome
                state.runs[trial.key] = runs.end(trial, outcome)
                state.save()
                shown.step(f"{self.name_of(trial)}: {outcome.in_words()}")

    def _record(
        self, recorder: Recorder, runs: TrialRuns, results: list[Result], state: State
    ) -> list[Result]:
        """Record the results of the sweep; its MLflow run fails if no trial finished."""
        record(recorder, results, write(results, self.folder), SWEEP_TAG)
        finished = [result.outcome.status == "finished" for result in results]
        if not any(finished):
            print_table(results)
            raise InputError("no trial finished; the last column of the table says why")
        recorded = not runs.lost and (recorder.is_recording() or not self.tracking.enabled)
        state.complete = recorded and all(finished)
        state.save(without=runs.lost)  # so that the next sweep records them
        return results


def plan(
    trees: Sequence[Tree],
    open_executor: OpenExecutor,
    workers: int | None,
    race: RaceSettings | None = None,
) -> Sweep:
    """Plan a sweep over composed configurations.

    Args:
        trees: The configurations; equal ones become one trial.
        open_executor: Sets up what runs the trials.
        workers: How many trials share the cores of this machine; None if they run on other
            machines, where a trial gets one core unless `train.threads` says otherwise.
        race: The limits of a race that repeats the configurations with further seeds.

    Raises:
        InputError: There is no configuration, or one of them is not valid.
    """
    if not trees:
        raise InputError("no trial to run: a glob(…) or range(…) in the grid matches nothing")
    if race and len({tree[SEED] for tree in trees}) > 1:
        raise InputError("seed: leave it out of the grid; race.seeds counts up from one seed")
    if race and len({json.dumps(tree["data"], sort_keys=True) for tree in trees}) > 1:
        raise InputError("data: a race compares accuracies on one data set; choose one")
    threads = max(1, cores() // workers) if workers else 1
    trials: dict[str, Trial] = {}
    for number, tree in enumerate(trees, 1):
        try:
            trial = make_trial(tree, threads)
        except InputError as error:
            raise InputError(f"trial {number} of {len(trees)}: {error}") from error
        trials.setdefault(trial.key, trial)
    tracking = validate(trees[0]).tracking
    return Sweep(list(trials.values()), tracking, open_executor, workers != 1, race)


def idle_keys(trees: Sequence[Tree], trials: Sequence[Trial]) -> list[str]:
    """Return the keys that differ between the configurations but not between the trials."""
    return sorted({*varied_keys(trees)} - {*varied_keys([trial.config for trial in trials])})


def _run_none(trials: Iterable[Trial], on_epoch: EpochCallback) -> Iterator[tuple[Trial, Outcome]]:
    """Stand in for an executor where there is no trial to run."""
    return iter(())
