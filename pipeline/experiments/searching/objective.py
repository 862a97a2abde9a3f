"""The objective of a study: run a trial, with several seeds if asked, and return its values."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from pipeline.config.moved import migrate
from pipeline.config.trees import Tree
from pipeline.digits.seeds import is_hopeless
from pipeline.digits.training.state import Epoch
from pipeline.experiments.comparing.results import Result
from pipeline.experiments.following import followed
from pipeline.experiments.forks import run_in_forks
from pipeline.experiments.race import repeat
from pipeline.experiments.runs import TrialRuns
from pipeline.experiments.searching.space import Search, suggest_config
from pipeline.experiments.trial import (
    EpochCallback,
    Outcome,
    Trial,
    load_outcome,
    make_trial,
    save_outcome,
)
from pipeline.system.errors import InputError
from pipeline.system.machine import cores
from pipeline.system.progress import Progress

if TYPE_CHECKING:
    import optuna

MAXIMISED = ("val_accuracy", "val_corrupted_accuracy", "val_error_auroc", "val_outlier_auroc")
PER_EPOCH = ("val_accuracy", "val_loss")  # known after every epoch
REPEATS_ATTRIBUTE = "repeats"


class TrialFailedError(Exception):
    """A trial ended in an error; the study goes on."""


@dataclass
class Objective:
    """Runs one trial of a study.

    Attributes:
        search: The settings of the search.
        tree: The configuration whose values it varies.
        runs: The MLflow runs of the trials.
        pictures: A folder in which trials share the pictures that they learn from.
        shown: Shows how far a trial is.
    """

    search: Search
    tree: Tree
    runs: TrialRuns
    pictures: Path | None = None
    shown: Progress = field(default_factory=Progress)

    def __call__(self, suggested: "optuna.Trial") -> tuple[float, ...]:
        """Return the values of the objectives, means if there are several seeds.

        Raises:
            TrialPruned: The trial was stopped before its last epoch.
        """
        import optuna

        trial = make_trial(self._suggest(suggested), threads=cores())
        first = self._run(trial, self._pruning(suggested))
        for key, value in _attributes(first).items():
            suggested.set_user_attr(key, value)
        if first.outcome.status == "stopped":
            raise optuna.TrialPruned
        results = [first]
        while len(results) < self.search.seeds and not self._stops(suggested, results):
            results.append(self._run(repeat(trial, len(results)), self.runs.epoch))
            repeats = [_attributes(result) for result in results[1:]]
            suggested.set_user_attr(REPEATS_ATTRIBUTE, repeats)
        values = [self._values(result.outcome) for result in results]
        return tuple(fmean(each) for each in zip(*values, strict=True))

    def _values(self, outcome: Outcome) -> list[float]:
        """Return the values of the objectives for one seed.

        Raises:
            TrialFailedError: It failed.
        """
        if outcome.status == "failed":
            raise TrialFailedError(outcome.error)
        metrics = outcome.metrics | {"training_seconds": outcome.training_seconds}
        return [metrics[name] for name in self.search.objectives]

    def _stops(self, suggested: "optuna.Trial", results: list[Result]) -> bool:
        """Return whether more seeds are pointless: one failed, or the first one was hopeless."""
        from optuna.trial import TrialState

        if results[-1].outcome.status == "failed":
            return True
        if len(results) > 1 or len(self.search.objectives) > 1:
            return False
        sign = 1 if self.search.objectives[0] in MAXIMISED else -1
        earlier = suggested.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        repeated = [
            [sign * self._values(result.outcome)[0] for result in results_of(ended)]
            for ended in earlier
        ]
        return is_hopeless(sign * self._values(results[0].outcome)[0], repeated)

    def _suggest(self, suggested: "optuna.Trial") -> Tree:
        try:
            return suggest_config(self.search.space, suggested, self.tree)
        except ValueError as error:
            raise other_study(self.search, "space", f"has tried other values ({error})") from error

    def _pruning(self, suggested: "optuna.Trial") -> EpochCallback:
        """Return a callback that records every epoch and lets Optuna's pruner stop the trial."""
        objective, *others = self.search.objectives
        prunes = objective in PER_EPOCH and not others

        def on_epoch(trial: Trial, epoch: Epoch) -> bool:
            self.runs.epoch(trial, epoch)
            if not prunes:
                return True
            suggested.report(getattr(epoch, objective), epoch.epoch)
            return not suggested.should_prune()

        return on_epoch

    def _run(self, trial: Trial, on_epoch: EpochCallback) -> Result:
        """Return a trial's result, running it unless its outcome is known."""
        known = load_outcome(trial.key)
        if known:
            return Result(trial, known, self.runs.copy(trial, known))
        begun = self.runs.begin([trial])
        ((_, outcome),) = run_in_forks(
            begun, followed(on_epoch, self.shown), pictures=self.pictures
        )
        save_outcome(trial.key, outcome)
        return Result(trial, outcome, self.runs.end(trial, outcome))


def other_study(search: Search, key: str, reason: str) -> InputError:
    """Return the error that a study was begun with other settings."""
    return InputError(
        f"search.{key}: the study {search.study} {reason}; "
        "use the same again to continue it, or start another with search.study=NAME"
    )


def _attributes(result: Result) -> dict[str, Any]:
    """Return what the study stores about a trial, so that other processes can show it."""
    trial = result.trial
    return {
        "trial": {"key": trial.key, "name": trial.name, "config": trial.config, "note": trial.note},
        "outcome": asdict(result.outcome),
        "run_id": result.run_id,
    }


def results_of(ended: "optuna.trial.FrozenTrial") -> list[Result]:
    """Return a trial's results, one a seed; none if its process died before the first."""
    stored = ended.user_attrs
    if "outcome" not in stored:
        return []
    return [_result(each) for each in (stored, *stored.get(REPEATS_ATTRIBUTE, []))]


def _result(stored: Tree) -> Result:
    """Restore a result from the study, which does not store where the data is."""
    recorded = stored["trial"] | {"config": migrate(stored["trial"]["config"])}
    return Result(Trial(**recorded, data=Path()), Outcome(**stored["outcome"]), stored["run_id"])
