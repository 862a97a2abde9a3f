"""Let Optuna look for a good configuration: `python -m pipeline.search search.trials=50 …`.

`search=NAME` takes the space from conf/search/NAME.yaml. Run it in several terminals, or on several
machines with one storage, and they work on one study; run it again, and it goes on.
"""

import logging
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from pydantic import ValidationError

from pipeline.cli.command import run_command
from pipeline.config.checking import validate
from pipeline.config.schema import Tracking
from pipeline.config.trees import Tree
from pipeline.config.wording import describe_errors
from pipeline.digits.training.state import Epoch
from pipeline.experiments.forks import run_in_forks, start
from pipeline.experiments.results import (
    SHOWN_ANYWAY,
    Result,
    note_of,
    record,
    show,
    trial_name,
    write,
)
from pipeline.experiments.runs import TrialRuns
from pipeline.experiments.space import Search, ask
from pipeline.experiments.trial import (
    Judge,
    Outcome,
    Trial,
    keep_outcome,
    load_outcome,
    make_trial,
    store,
)
from pipeline.system.errors import InputError, in_one_line
from pipeline.system.machine import cores
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import Recorder, new_run

if TYPE_CHECKING:
    import optuna

log = logging.getLogger(__name__)

SEARCH_TAG = "search"
RUN_ATTRIBUTE = "mlflow_run_id"
OBJECTIVES_ATTRIBUTE = "objectives"
HEARTBEAT_SECONDS = 30
OPENING_SECONDS = 0.5
MAXIMISED = ("val_accuracy",)
OF_EPOCHS = ("val_accuracy", "val_loss")  # what is known before a trial ends


def run(tree: Tree) -> None:
    """Search as configured and show what came of it."""
    search = _checked(tree.pop("search"))
    config = validate(tree)
    study = _study(search)
    if _goes_on(study, search):
        start()
    keys = [key for key in search.space if key not in SHOWN_ANYWAY]
    request = RunRequest(
        config.tracking.experiment, f"search {search.study}", {"stage": SEARCH_TAG}
    )
    with _parent_run(config.tracking, request, study) as recorder:
        runs = TrialRuns(config.tracking, recorder.run_id(), partial(trial_name, keys=keys))
        _optimise(study, search, _Objective(search, tree, runs))
        results = _results(study)
        if not results:
            raise InputError(f"search.study={search.study}: no trial has finished")
        folder = store() / f"search-{search.study}"
        files = write(results, folder) + _plot(study, folder, results)
        record(recorder, results, files, SEARCH_TAG)
    show(results)


@contextmanager
def _parent_run(
    settings: Tracking, request: RunRequest, study: "optuna.Study"
) -> Iterator[Recorder]:
    """Open the study's run; of processes that begin together, one makes it for all."""
    with ExitStack() as stack:
        with FileLock(store() / f"search-{study.study_name}.lock"):
            recorder = stack.enter_context(
                new_run(settings, request, study.user_attrs.get(RUN_ATTRIBUTE))
            )
            if settings.enabled:
                study.set_user_attr(RUN_ATTRIBUTE, recorder.run_id())
        yield recorder


@dataclass(frozen=True)
class _Objective:
    """Runs one trial of a study."""

    search: Search
    tree: Tree
    runs: TrialRuns

    def __call__(self, asked: "optuna.Trial") -> tuple[float, ...]:
        """Return the numbers that are sought, or raise Optuna's exception for a trial given up."""
        import optuna

        trial = make_trial(self._chosen(asked), threads=cores())

        def goes_on(trial: Trial, epoch: Epoch) -> bool:
            self.runs.epoch(trial, epoch)
            objective, *others = self.search.objectives
            if others or objective not in OF_EPOCHS:
                return True
            asked.report(getattr(epoch, objective), epoch.epoch)
            return not asked.should_prune()

        outcome, run_id = self._outcome(trial, goes_on)
        for key, value in _attributes(trial, outcome, run_id).items():
            asked.set_user_attr(key, value)
        log.info("trial %d, %s: %s", asked.number, trial.name, outcome.in_words())
        if outcome.status == "stopped":
            raise optuna.TrialPruned
        if outcome.status == "failed":
            raise _TrialFailedError(outcome.error)
        numbers = outcome.metrics | {"training_seconds": outcome.training_seconds}
        return tuple(numbers[name] for name in self.search.objectives)

    def _chosen(self, asked: "optuna.Trial") -> Tree:
        try:
            return ask(self.search.space, asked, self.tree)
        except ValueError as error:
            raise _other_study(self.search, "space", f"has tried other values ({error})") from error

    def _outcome(self, trial: Trial, goes_on: Judge) -> tuple[Outcome, str]:
        """Run the trial, unless its outcome is known; return it and the id of its MLflow run."""
        known = load_outcome(trial.key)
        if known:
            return known, self.runs.copy(trial, known)
        ((_, outcome),) = run_in_forks(self.runs.begun([trial]), goes_on)
        keep_outcome(trial.key, outcome)
        return outcome, self.runs.end(trial, outcome)


class _TrialFailedError(Exception):
    """A trial ended in an error; the study goes on."""


def _checked(node: Any) -> Search:
    try:
        return Search.model_validate(node)
    except ValidationError as error:
        raise InputError(describe_errors(error, Search, "search.")) from error


def _study(search: Search) -> "optuna.Study":
    """Open the study, made if it is new."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.ERROR)  # it tells of failed trials at length
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # the heartbeat
    store().mkdir(exist_ok=True)
    url = search.storage or f"sqlite:///{store() / 'search.db'}"
    directions: list[Any] = [
        "maximize" if name in MAXIMISED else "minimize" for name in search.objectives
    ]
    try:
        study = optuna.create_study(
            study_name=search.study,
            storage=_storage(url),
            sampler=optuna.samplers.TPESampler(),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1),
            directions=directions,
            load_if_exists=True,
        )
    except (SQLAlchemyError, optuna.exceptions.OptunaError, ImportError) as error:
        reason = in_one_line(error, 200)
        raise InputError(f"search.storage={url}: cannot be opened ({reason})") from error
    sought = study.user_attrs.get(OBJECTIVES_ATTRIBUTE)
    if sought is None:
        study.set_user_attr(OBJECTIVES_ATTRIBUTE, search.objectives)
    elif sought != search.objectives:
        raise _other_study(search, "objectives", f"seeks {', '.join(sought)}")
    return study


def _other_study(search: Search, key: str, reason: str) -> InputError:
    return InputError(
        f"search.{key}: the study {search.study} {reason}; "
        "search.study=NAME begins another, the old values go on with this one"
    )


def _storage(url: str, tries: int = 4) -> "optuna.storages.RDBStorage":
    """Open a database; of several processes that find it new, all but one fail to make the tables.

    Raises:
        SQLAlchemyError: It cannot be opened, however often.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return optuna.storages.RDBStorage(url, heartbeat_interval=HEARTBEAT_SECONDS)
    except SQLAlchemyError:
        if tries == 1:
            raise
        time.sleep(OPENING_SECONDS)
        return _storage(url, tries - 1)


def _optimise(study: "optuna.Study", search: Search, objective: _Objective) -> None:
    from optuna.study import MaxTrialsCallback

    if not _goes_on(study, search):
        log.info("the study has its %d trials; search.trials asks for more", search.trials)
        return
    study.optimize(
        objective,
        timeout=search.timeout,
        catch=(_TrialFailedError,),
        callbacks=[MaxTrialsCallback(search.trials, states=_ended())],
    )


def _goes_on(study: "optuna.Study", search: Search) -> bool:
    return len(study.get_trials(deepcopy=False, states=_ended())) < search.trials


def _ended() -> "tuple[optuna.trial.TrialState, ...]":
    from optuna.trial import TrialState

    return TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL


def _attributes(trial: Trial, outcome: Outcome, run_id: str) -> dict[str, Any]:
    """Return what the study keeps of a trial, so that every process on it can show the others'."""
    return {
        "trial": {"key": trial.key, "name": trial.name, "config": trial.config, "note": trial.note},
        "outcome": asdict(outcome),
        "run_id": run_id,
    }


def _results(study: "optuna.Study") -> list[Result]:
    """Return the finished trials of the study, those of other processes too."""
    return [
        Result(
            Trial(**kept.user_attrs["trial"], data=Path()),
            Outcome(**kept.user_attrs["outcome"]),
            kept.user_attrs["run_id"],
        )
        for kept in study.get_trials(deepcopy=False)
        if kept.user_attrs.get("outcome", {}).get("status") == "finished"
    ]


def _plot(study: "optuna.Study", folder: Path, results: Sequence[Result]) -> list[Path]:
    """Draw how the search went and, of several trials, which settings mattered."""
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances
    from optuna.trial import TrialState

    from pipeline.plots import search as plots
    from pipeline.plots.style.page import save_figure

    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    stopped = study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))
    accuracies = [result.outcome.metrics["val_accuracy"] for result in results]
    note = note_of(results)
    figures = {"history.png": plots.history(accuracies, len(stopped), note)}
    if len(done) > 3 and len({kept.values[0] for kept in done}) > 1:
        shares = get_param_importances(
            study,
            evaluator=FanovaImportanceEvaluator(seed=0),
            target=lambda kept: float(kept.values[0]),
        )
        objective = study.user_attrs[OBJECTIVES_ATTRIBUTE][0]
        figures["importance.png"] = plots.importance(shares, objective, note)
    for name, figure in figures.items():
        save_figure(figure, folder / name)
    return [folder / name for name in figures]


def main() -> None:
    """Run from the command line; `search=NAME` chooses among conf/search/."""
    named = [argument for argument in sys.argv[1:] if argument.startswith("search=")]
    others = [argument for argument in sys.argv[1:] if argument not in named]
    run_command(run, __doc__, typed=[f"+{named[-1]}" if named else "+search=mlp", *others])


if __name__ == "__main__":
    main()
