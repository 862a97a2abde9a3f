"""The MLflow runs of the trials that are under way."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from pipeline.config.schema import Tracking
from pipeline.digits.training.state import Epoch
from pipeline.experiments.trial import Outcome, Trial
from pipeline.stages.recording import curve_point, run_metrics
from pipeline.tracking.recording.recorder import Recorder
from pipeline.tracking.trial_runs import close_trial, open_trial


class TrialRuns:
    """Begins, writes and ends the runs of trials, all children of one run."""

    def __init__(
        self, settings: Tracking, parent_run_id: str, name: Callable[[Trial], str]
    ) -> None:
        """Say where, under which run, and what each trial is called."""
        self._settings = settings
        self._parent = parent_run_id
        self._name = name
        self._open: dict[str, Recorder] = {}
        self.lost: set[str] = set()
        """Keys of trials whose run MLflow did not take to its end."""

    def begun(self, trials: Iterable[Trial]) -> Iterator[Trial]:
        """Return the trials, the run of each begun as it is asked for."""
        for trial in trials:
            self._begin(trial, {})
            yield trial

    def epoch(self, trial: Trial, epoch: Epoch) -> bool:
        """Record an epoch of a trial, which always goes on."""
        self._open[trial.key].metrics(curve_point(epoch), step=epoch.epoch)
        return True

    def end(self, trial: Trial, outcome: Outcome) -> str:
        """End the run of a trial and give its id."""
        recorder = self._open.pop(trial.key)
        metrics = run_metrics(outcome.metrics, outcome.training_seconds) if outcome.metrics else {}
        stopped = {"stopped_early": "true"} if outcome.status == "stopped" else {}
        close_trial(recorder, metrics, outcome.error, stopped)
        if self._settings.enabled and not recorder.is_recording():
            self.lost.add(trial.key)
        return recorder.run_id()

    def copy(self, trial: Trial, outcome: Outcome) -> str:
        """Record a trial that was run before, under another run; return the id of the new one."""
        self._begin(trial, {"run_before": "true"})
        for record in outcome.history:
            self.epoch(trial, Epoch(**record))
        return self.end(trial, outcome)

    def _begin(self, trial: Trial, tags: Mapping[str, str]) -> None:
        self._open[trial.key] = open_trial(
            self._settings, self._parent, self._name(trial), trial.config, tags
        )
