"""Many experiments: `python -m pipeline.sweep KEY=VALUE,VALUE … [hydra/launcher=joblib]`.

Hydra makes the grid; every trial is trained and measured by the code of the stages. What has been
run before is not run again: a sweep that was stopped goes on where it was.
"""

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipeline.command import fail, run_sweep
from pipeline.config import Tracking, Tree, dump, validate
from pipeline.digits.errors import InputError
from pipeline.forks import run_in_forks, start
from pipeline.layout import write_json, write_text
from pipeline.results import Result, ranked, rows, table, trial_name, varied, write
from pipeline.tracking.runs import Recorder, new_run
from pipeline.tracking.store import RunRequest
from pipeline.tracking.sweeps import (
    CONFIG_ARTIFACT,
    DESCRIPTION_TAG,
    SWEEP_TAG,
)
from pipeline.trial_runs import TrialRuns
from pipeline.trials import (
    LAST_SWEEP,
    SWEEP_STATE,
    Outcome,
    Trial,
    keep_outcome,
    load_outcome,
    make_trial,
    store,
)

log = logging.getLogger(__name__)


@dataclass
class State:
    """What a sweep has come to, in a file that outlives an interruption.

    Attributes:
        run_id: The MLflow run of the sweep.
        runs: The MLflow run of each trial that ended, by the trial's key.
        complete: Whether all was written that follows the last trial.
        best: Name, run id, configuration and validation accuracy of the best trial.
    """

    folder: Path
    run_id: str | None = None
    runs: dict[str, str] = field(default_factory=dict)
    complete: bool = False
    best: Tree | None = None

    @classmethod
    def of(cls, trials: Sequence[Trial]) -> "State":
        """Take up the sweep of exactly these trials, or begin it."""
        keys = json.dumps(sorted(trial.key for trial in trials))
        folder = store() / hashlib.sha256(keys.encode()).hexdigest()[:16]
        try:
            kept = json.loads((folder / SWEEP_STATE).read_text(encoding="utf-8"))
            return cls(**{**kept, "folder": folder})
        except (FileNotFoundError, ValueError, TypeError):
            return cls(folder)

    def save(self) -> None:
        """Leave it where the next one looks."""
        write_json(self.folder / SWEEP_STATE, asdict(self) | {"folder": self.folder.name})
        write_text(store() / LAST_SWEEP, self.folder.name + "\n")


def run(trees: list[Tree], workers: int) -> None:
    """Run a sweep over composed configurations, so many at a time, and show what came of it."""
    trials = plan(trees, threads=max(1, cores() // workers))
    settings = validate(trees[0]).tracking
    state = State.of(trials)
    known = {
        trial.key: outcome
        for trial in trials
        if (outcome := load_outcome(trial.key)) and outcome.status == "finished"
    }
    if len(known) == len(trials) and state.complete:
        log.info("all %d trials have been run before", len(trials))
        state.save()  # now the last one
    else:
        known |= _run_missing(trials, known, workers, settings, state)
    results = [Result(trial, known[trial.key], state.runs[trial.key]) for trial in trials]
    print(f"\n{table(results)}\n", flush=True)
    if state.best is None:
        fail("no trial finished; the reasons stand above")
    print(f"best by validation: {state.best['name']} (`python -m pipeline.promote` takes it over)")


def cores() -> int:
    """Say how many cores this process may use."""
    return len(os.sched_getaffinity(0))


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
    workers: int,
    settings: Tracking,
    state: State,
) -> dict[str, Outcome]:
    """Run what is not known yet and record the sweep; give all outcomes by the trials' keys."""
    start()
    log.info("%d trials, %d of them run before", len(trials), len(known))
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
        missing = [trial for trial in trials if trial.key not in known]
        # The longest first, so that no worker is left alone with a long one at the end.
        missing.sort(key=lambda trial: -trial.config["train"]["epochs"])
        outcomes = dict(known)
        for trial, outcome in run_in_forks(runs.begun(missing), workers, runs.epoch):
            keep_outcome(trial.key, outcome)
            outcomes[trial.key] = outcome
            state.runs[trial.key] = runs.end(trial, outcome)
            state.save()
            told = f"{trial_name(trial, keys)}: {outcome.in_words()}"
            log.info("%d/%d %s", len(outcomes), len(trials), told)
        _conclude(trials, outcomes, recorder, state)
    return outcomes


def _conclude(
    trials: Sequence[Trial], outcomes: dict[str, Outcome], recorder: Recorder, state: State
) -> None:
    """Write and record the table and the plots; note the best trial."""
    results = [Result(trial, outcomes[trial.key], state.runs[trial.key]) for trial in trials]
    note = next((trial.note for trial in trials if trial.note), None)
    recorder.files(write(results, state.folder, note), SWEEP_TAG)
    listed = rows(ranked(results))
    recorder.table(
        {name: [row[name] for row in listed] for name in listed[0]}, "sweep/results.json"
    )
    recorder.tags(
        {DESCRIPTION_TAG: f"```\n{table(results)}\n```"} | ({"note": note} if note else {})
    )
    best = ranked(results)[0]
    if best.outcome.status == "finished":
        metrics = best.outcome.metrics
        recorder.text(dump(best.trial.config), CONFIG_ARTIFACT)
        recorder.metrics({f"best_{key}": metrics[key] for key in ("val_accuracy", "test_accuracy")})
        state.best = {
            "name": best.trial.name,
            "run_id": best.run_id,
            "val_accuracy": metrics["val_accuracy"],
            "config": best.trial.config,
        }
    state.complete = all(outcome.status == "finished" for outcome in outcomes.values())
    state.save()


def main() -> None:
    """Run from the command line."""
    run_sweep(run, store())


if __name__ == "__main__":
    main()
