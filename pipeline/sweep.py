"""Many experiments: `python -m pipeline.sweep KEY=VALUE,VALUE … [hydra/launcher=joblib or ray]`.

Hydra makes the grid; every trial is trained and measured by the code of the stages. What has been
run before is not run again: a sweep that was stopped goes on where it was.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipeline.cli.command import run_sweep
from pipeline.config.checking import validate
from pipeline.config.schema import Tracking
from pipeline.config.trees import Tree
from pipeline.experiments.results import Result, record, show, trial_name, varied, write
from pipeline.experiments.runs import TrialRuns
from pipeline.experiments.trial import (
    Judge,
    Outcome,
    Runner,
    Trial,
    keep_outcome,
    load_outcome,
    make_trial,
    store,
)
from pipeline.system.errors import InputError
from pipeline.system.files import sole_user, write_json
from pipeline.system.machine import cores
from pipeline.tracking.addresses import is_removed, tracking_uri
from pipeline.tracking.names import SWEEP_TAG
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import new_run

STATE = "sweep.json"

log = logging.getLogger(__name__)

# Makes ready what runs trials, and clears it away in the end.
OpenRunner = Callable[[], AbstractContextManager[Runner]]


@dataclass
class State:
    """What a sweep has come to, in a file that outlives an interruption.

    Attributes:
        run_id: The MLflow run of the sweep.
        runs: The MLflow run of each trial that ended, by the trial's key.
        complete: Whether all was written that follows the last trial.
    """

    folder: Path
    run_id: str | None = None
    runs: dict[str, str] = field(default_factory=dict)
    complete: bool = False

    @classmethod
    def load(cls, folder: Path, settings: Tracking) -> "State":
        """Take up the sweep that a folder holds, or begin it."""
        if settings.enabled and is_removed(settings):
            return cls(folder)
        try:
            kept = json.loads((folder / STATE).read_text(encoding="utf-8"))
            return cls(**{**kept, "folder": folder})
        except (FileNotFoundError, ValueError, TypeError):
            return cls(folder)

    def save(self, without: Set[str] = frozenset()) -> None:
        """Leave it where the next one looks, without the runs of some trials."""
        runs = {key: run for key, run in self.runs.items() if key not in without}
        kept = asdict(self) | {"folder": self.folder.name, "runs": runs}
        write_json(self.folder / STATE, kept)


def run(trees: list[Tree], open_runner: OpenRunner, workers: int | None) -> None:
    """Run a sweep over composed configurations and show what came of it.

    Args:
        trees: The configurations.
        open_runner: What the trials are run by.
        workers: How many trials share the cores of this machine; None if they run on others, where
            a trial gets one core unless it says how many.
    """
    if not trees:
        raise InputError("no trial to run: a glob(…) or range(…) of the grid matches nothing")
    trials = plan(trees, threads=max(1, cores() // workers) if workers else 1)
    _tell_idle(trees, trials)
    settings = validate(trees[0]).tracking
    folder = state_folder(trials, settings)
    with sole_user(folder) as alone:
        if not alone:
            raise InputError("this very sweep is running already; wait until it ends, or stop it")
        state = State.load(folder, settings)
        outcomes = _complete(trials, open_runner, workers, settings, state)
    show([Result(trial, outcomes[trial.key], state.runs[trial.key]) for trial in trials])


def state_folder(trials: Sequence[Trial], settings: Tracking) -> Path:
    """Return the folder of the sweep of exactly these trials recorded in this place."""
    place = [settings.enabled, settings.experiment, tracking_uri(settings)]
    same = json.dumps([place, sorted(trial.key for trial in trials)])
    return store() / hashlib.sha256(same.encode()).hexdigest()[:16]


def _tell_idle(trees: Sequence[Tree], trials: Sequence[Trial]) -> None:
    """Warn of settings that were to be tried but are no part of a trial."""
    for key in sorted({*varied(trees)} - {*varied([trial.config for trial in trials])}):
        log.warning(
            "%s: a trial trains one network and measures it, which this does not change", key
        )


def _complete(
    trials: Sequence[Trial],
    open_runner: OpenRunner,
    workers: int | None,
    settings: Tracking,
    state: State,
) -> dict[str, Outcome]:
    """Run what has not been run before; return all outcomes by the trials' keys."""
    known = {trial.key: outcome for trial in trials if (outcome := load_outcome(trial.key))}
    missing = [trial for trial in trials if trial.key not in known]
    if workers != 1:  # the longest first, so that none is left alone with it at the end
        missing.sort(key=lambda trial: -trial.config["train"]["epochs"])
    if not missing and state.complete:
        log.info("all %d trials have been run before", len(trials))
        return known
    log.info("%d trials, %d of them run before", len(trials), len(known))
    with open_runner() if missing else nullcontext(_run_none) as run_trials:
        return _run_missing(trials, known, missing, run_trials, settings, state)


def plan(trees: Sequence[Tree], threads: int) -> list[Trial]:
    """Make the trials of configurations, each once.

    Raises:
        InputError: A configuration is not valid.
    """
    trials: dict[str, Trial] = {}
    for number, tree in enumerate(trees, 1):
        try:
            trial = make_trial(tree, threads)
        except InputError as error:
            raise InputError(f"trial {number} of {len(trees)}: {error}") from error
        trials.setdefault(trial.key, trial)
    return list(trials.values())


def _run_missing(
    trials: Sequence[Trial],
    known: dict[str, Outcome],
    missing: Sequence[Trial],
    run_trials: Runner,
    settings: Tracking,
    state: State,
) -> dict[str, Outcome]:
    """Run what is not known yet and record the sweep; return all outcomes by the trials' keys."""
    request = RunRequest(
        settings.experiment, f"sweep of {len(trials)}", {"stage": SWEEP_TAG, SWEEP_TAG: "parent"}
    )
    keys = varied([trial.config for trial in trials])
    with new_run(settings, request, state.run_id) as recorder:
        state.run_id = recorder.run_id()
        runs = TrialRuns(settings, state.run_id, lambda trial: trial_name(trial, keys))
        for trial in trials:
            if trial.key in known and trial.key not in state.runs:
                state.runs[trial.key] = runs.copy(trial, known[trial.key])
        state.save()
        outcomes = dict(known)
        for trial, outcome in run_trials(runs.begun(missing), runs.epoch):
            keep_outcome(trial.key, outcome)
            outcomes[trial.key] = outcome
            state.runs[trial.key] = runs.end(trial, outcome)
            state.save()
            told = f"{trial_name(trial, keys)}: {outcome.in_words()}"
            log.info("%d/%d %s", len(outcomes), len(trials), told)
        results = [Result(trial, outcomes[trial.key], state.runs[trial.key]) for trial in trials]
        record(recorder, results, write(results, state.folder), SWEEP_TAG)
        if not any(outcome.status == "finished" for outcome in outcomes.values()):
            show(results)  # raises, and so the run of the sweep has failed, too
        recorded = not runs.lost and (recorder.is_recording() or not settings.enabled)
        finished = all(outcome.status == "finished" for outcome in outcomes.values())
        state.complete = recorded and finished
        state.save(without=runs.lost)  # which the next one records
    return outcomes


def _run_none(trials: Iterable[Trial], goes_on: Judge) -> Iterator[tuple[Trial, Outcome]]:
    """Stand in for what runs trials where there is none to run."""
    return iter(())


def main() -> None:
    """Run from the command line."""
    run_sweep(run, store())


if __name__ == "__main__":
    main()
