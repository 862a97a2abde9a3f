"""A sweep: plan trials, run those that were not run before, and compare them all.

Outcomes and state are saved after every trial. So a sweep that was killed continues where it
stopped, and no sweep repeats a trial that another one has finished.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pipeline.config.checking import validate
from pipeline.config.schema import Tracking
from pipeline.config.trees import Tree
from pipeline.experiments.results import Result, print_table, record, trial_name, varied_keys, write
from pipeline.experiments.runs import TrialRuns
from pipeline.experiments.trial import (
    EpochCallback,
    Executor,
    Outcome,
    Trial,
    load_outcome,
    make_trial,
    save_outcome,
    sweeps_dir,
)
from pipeline.system.errors import InputError
from pipeline.system.files import reserve_folder, write_json
from pipeline.system.machine import cores
from pipeline.system.progress import progress
from pipeline.tracking.addresses import is_local_store_missing, local_store, tracking_uri
from pipeline.tracking.names import SWEEP_TAG
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import Recorder, new_run

STATE = "sweep.json"

log = logging.getLogger(__name__)

OpenExecutor = Callable[[], AbstractContextManager[Executor]]
"""Returns a context manager that sets up an executor and cleans up after it."""


@dataclass
class State:
    """The state of a sweep. All but the outcomes is saved in one file, to survive interruptions.

    Attributes:
        folder: The folder of the sweep.
        run_id: The MLflow run of the sweep.
        runs: The MLflow run of each trial that has ended, by the trial's key.
        complete: Whether all trials finished and everything was recorded.
        outcomes: The outcome of each trial that has ended, by its key; saved in files of their own.
    """

    folder: Path
    run_id: str | None = None
    runs: dict[str, str] = field(default_factory=dict)
    complete: bool = False
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, tracking: Tracking) -> "State":
        """Load a folder's state; return a new one if there is none or its runs are gone."""
        if tracking.enabled and is_local_store_missing(tracking):
            return cls(folder)
        try:
            saved = json.loads((folder / STATE).read_text(encoding="utf-8"))
            return cls(folder, saved["run_id"], saved["runs"], saved["complete"])
        except (FileNotFoundError, ValueError, TypeError, LookupError):
            return cls(folder)

    def save(self, without: Set[str] = frozenset()) -> None:
        """Save the state, leaving out the runs of the trials with the keys in `without`."""
        runs = {key: run for key, run in self.runs.items() if key not in without}
        saved = {"run_id": self.run_id, "runs": runs, "complete": self.complete}
        write_json(self.folder / STATE, saved)


@dataclass(frozen=True)
class Sweep:
    """Trials to run and to compare.

    Attributes:
        trials: Each trial once, in the order of the grid.
        tracking: Where MLflow records them.
        open_executor: Sets up what runs the trials.
        longest_first: Whether to start the longest trials first, so that none is left running alone
            at the end.
    """

    trials: Sequence[Trial]
    tracking: Tracking
    open_executor: OpenExecutor
    longest_first: bool

    @cached_property
    def folder(self) -> Path:
        """The sweep's folder: the same for the same trials recorded in the same place."""
        tracking = self.tracking
        uri = tracking_uri(tracking)
        # The local store may move, with the project.
        where = None if uri == local_store() else uri
        place = [tracking.enabled, tracking.experiment, where]
        identity = json.dumps([place, sorted(trial.key for trial in self.trials)])
        return sweeps_dir() / hashlib.sha256(identity.encode()).hexdigest()[:16]

    @cached_property
    def _varied_keys(self) -> list[str]:
        return varied_keys([trial.config for trial in self.trials])

    def name_of(self, trial: Trial) -> str:
        """Return the trial's name with all settings that differ between the trials."""
        return trial_name(trial, self._varied_keys)

    def run(self) -> list[Result]:
        """Run the trials that were not run before, record all, and return the results in order.

        Raises:
            InputError: No trial finished, or another process runs the same sweep.
        """
        with reserve_folder(self.folder) as alone:
            if not alone:
                raise InputError("this sweep is already running; wait until it ends, or stop it")
            state = State.load(self.folder, self.tracking)
            saved = ((trial.key, load_outcome(trial.key)) for trial in self.trials)
            state.outcomes = {key: outcome for key, outcome in saved if outcome}
            return self._complete(state)

    def _complete(self, state: State) -> list[Result]:
        missing = self._missing(state)
        if not missing and state.complete:
            log.info("all %d trials have been run before", len(self.trials))
            return self._results(state)
        log.info("%d trials, %d of them run before", len(self.trials), len(state.outcomes))
        request = RunRequest(
            self.tracking.experiment,
            f"sweep of {len(self.trials)}",
            {"stage": SWEEP_TAG, SWEEP_TAG: "parent"},
        )
        with (
            self.open_executor() if missing else nullcontext(_run_none) as run_trials,
            new_run(self.tracking, request, state.run_id) as recorder,
        ):
            state.run_id = recorder.run_id()
            runs = TrialRuns(self.tracking, state.run_id, self.name_of)
            self._copy_known(runs, state)
            if missing:
                self._run(missing, run_trials, runs, state)
            return self._record(recorder, runs, state)

    def _missing(self, state: State) -> list[Trial]:
        """Return the trials without an outcome, in the order to run them."""
        missing = [trial for trial in self.trials if trial.key not in state.outcomes]
        if self.longest_first:
            missing.sort(key=lambda trial: -trial.config["train"]["epochs"])
        return missing

    def _copy_known(self, runs: TrialRuns, state: State) -> None:
        """Record the outcomes that are known from other sweeps."""
        for trial in self.trials:
            if trial.key in state.outcomes and trial.key not in state.runs:
                state.runs[trial.key] = runs.copy(trial, state.outcomes[trial.key])
        state.save()

    def _run(
        self, missing: Sequence[Trial], run_trials: Executor, runs: TrialRuns, state: State
    ) -> None:
        with progress(len(missing), "trial") as shown:
            for trial, outcome in run_trials(runs.begin(missing), runs.epoch):
                save_outcome(trial.key, outcome)
                state.outcomes[trial.key] = outcome
                state.runs[trial.key] = runs.end(trial, outcome)
                state.save()
                shown.step(f"{self.name_of(trial)}: {outcome.in_words()}")

    def _record(self, recorder: Recorder, runs: TrialRuns, state: State) -> list[Result]:
        """Record the results of the sweep; its MLflow run fails if no trial finished."""
        results = self._results(state)
        record(recorder, results, write(results, self.folder), SWEEP_TAG)
        finished = [outcome.status == "finished" for outcome in state.outcomes.values()]
        if not any(finished):
            print_table(results)
            raise InputError("no trial finished; the last column of the table says why")
        recorded = not runs.lost and (recorder.is_recording() or not self.tracking.enabled)
        state.complete = recorded and all(finished)
        state.save(without=runs.lost)  # so that the next sweep records them
        return results

    def _results(self, state: State) -> list[Result]:
        return [
            Result(trial, state.outcomes[trial.key], state.runs[trial.key]) for trial in self.trials
        ]


def plan(trees: Sequence[Tree], open_executor: OpenExecutor, workers: int | None) -> Sweep:
    """Plan a sweep over composed configurations.

    Args:
        trees: The configurations; equal ones become one trial.
        open_executor: Sets up what runs the trials.
        workers: How many trials share the cores of this machine; None if they run on other
            machines, where a trial gets one core unless `train.threads` says otherwise.

    Raises:
        InputError: There is no configuration, or one of them is not valid.
    """
    if not trees:
        raise InputError("no trial to run: a glob(…) or range(…) in the grid matches nothing")
    threads = max(1, cores() // workers) if workers else 1
    trials: dict[str, Trial] = {}
    for number, tree in enumerate(trees, 1):
        try:
            trial = make_trial(tree, threads)
        except InputError as error:
            raise InputError(f"trial {number} of {len(trees)}: {error}") from error
        trials.setdefault(trial.key, trial)
    tracking = validate(trees[0]).tracking
    return Sweep(list(trials.values()), tracking, open_executor, longest_first=workers != 1)


def idle_keys(trees: Sequence[Tree], trials: Sequence[Trial]) -> list[str]:
    """Return the keys that differ between the configurations but not between the trials."""
    return sorted({*varied_keys(trees)} - {*varied_keys([trial.config for trial in trials])})


def _run_none(trials: Iterable[Trial], on_epoch: EpochCallback) -> Iterator[tuple[Trial, Outcome]]:
    """Stand in for an executor where there is no trial to run."""
    return iter(())
