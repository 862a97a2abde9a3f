"""What a sweep knows while it runs: its state on disk, and the rounds of its trials."""

import json
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.config.schema import Tracking
from pipeline.experiments.comparing.results import Result
from pipeline.experiments.race import Race
from pipeline.experiments.trial import Outcome, Trial, load_outcome
from pipeline.system.files import write_json
from pipeline.tracking.addresses import is_local_store_missing

STATE = "sweep.json"


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


class Rounds:
    """The rounds of a sweep: one, or those of a race.

    Attributes:
        entered: All trials so far, by key.
        missing: Those of the present round that have not been run; none if it was the last one.
    """

    def __init__(
        self, race: Race | None, trials: Sequence[Trial], outcomes: dict[str, Outcome]
    ) -> None:
        """Go to the first round with a trial whose outcome is not saved; keep those of the rest."""
        self._race = race
        self._outcomes = outcomes
        self._rounds = race.rounds(trials, outcomes) if race else iter([trials])
        self.entered: dict[str, Trial] = {}
        self.missing: list[Trial] = []
        self.go_on()

    def go_on(self) -> None:
        """Go to the next round with a trial that has not been run, or to the end."""
        self.missing = []
        while not self.missing and (trials := next(self._rounds, None)):
            for trial in trials:
                self.entered[trial.key] = trial
                if trial.key not in self._outcomes and (saved := load_outcome(trial.key)):
                    self._outcomes[trial.key] = saved
            self.missing = [trial for trial in trials if trial.key not in self._outcomes]

    def results(self, state: State) -> list[Result]:
        """Return the result of every trial, and why its configuration got no more seeds."""
        dropped = self._race.why_dropped if self._race else {}
        return [
            Result(trial, state.outcomes[key], state.runs[key], dropped.get(key))
            for key, trial in self.entered.items()
        ]
