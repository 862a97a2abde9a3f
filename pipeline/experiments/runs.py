"""The MLflow runs of trials in progress."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from pipeline.config.checking import validate
from pipeline.config.schema import Tracking
from pipeline.digits.training.state import Epoch
from pipeline.experiments.trial import Outcome, Trial
from pipeline.stages.training_run import data_records
from pipeline.tracking.recording.openings import Opening
from pipeline.tracking.recording.recorder import Recorder
from pipeline.tracking.recording.records import Record, Tags
from pipeline.tracking.training_records import (
    configuration,
    epoch_metrics,
    failure,
    final_metrics,
    training_request,
)


class TrialRuns:
    """Begins, updates and ends the MLflow runs of trials, all children of one parent run."""

    def __init__(
        self, settings: Tracking, parent_run_id: str, name: Callable[[Trial], str]
    ) -> None:
        """Record below a parent run; `name` returns the name of a trial's run."""
        self._settings = settings
        self._parent = parent_run_id
        self._name = name
        self._open: dict[str, Recorder] = {}
        self._data: dict[tuple[Path, str | None], list[Record]] = {}
        self.lost: set[str] = set()
        """Keys of trials whose runs MLflow did not record completely."""

    def begin(self, trials: Iterable[Trial]) -> Iterator[Trial]:
        """Yield the trials; begin the run of each when it is taken."""
        for trial in trials:
            self._begin(trial, {})
            yield trial

    def epoch(self, trial: Trial, epoch: Epoch) -> bool:
        """Record an epoch of a trial; always return True, which continues the trial."""
        self._open[trial.key].record(epoch_metrics(asdict(epoch)))
        return True

    def end(self, trial: Trial, outcome: Outcome) -> str:
        """End the run of a trial and return its id."""
        recorder = self._open.pop(trial.key)
        recorder.record(*_ending(outcome))
        recorder.run_id()
        recorder.finish("FAILED" if outcome.error else "FINISHED", wait=False)
        if self._settings.enabled and not recorder.is_recording():
            self.lost.add(trial.key)
        return recorder.run_id()

    def copy(self, trial: Trial, outcome: Outcome) -> str:
        """Record the known outcome of a trial as a new run; return the run's id."""
        self._begin(trial, {"run_before": "true"})
        for record in outcome.history:
            self.epoch(trial, Epoch(**record | {"ended": 0.0}))  # recorded now, long after it
        return self.end(trial, outcome)

    def _begin(self, trial: Trial, tags: Mapping[str, str]) -> None:
        request = training_request(
            self._settings,
            self._name(trial),
            "trial",
            trial.config,
            tags=tags,
            parent_run_id=self._parent,
        )
        self._open[trial.key] = Recorder(self._settings, Opening(uuid.uuid4().hex, request))
        self._open[trial.key].record(*configuration(trial.config), *self._data_of(trial))

    def _data_of(self, trial: Trial) -> list[Record]:
        """Return the records of a trial's data; most trials share it, and it is large to read."""
        key = trial.data, trial.config["train"]["init_from"]
        if key not in self._data:
            self._data[key] = data_records(validate(trial.config), trial.data)
        return self._data[key]


def _ending(outcome: Outcome) -> Iterator[Record]:
    """Yield the records of a trial's outcome."""
    if outcome.status == "stopped":
        yield Tags({"stopped_early": "true"})
    if outcome.error:
        yield failure(outcome.error)
    if outcome.metrics:
        yield final_metrics(outcome.metrics, outcome.training_seconds)
