"""An Optuna study: it can be resumed, and several processes can work on it at once."""

import logging
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from pipeline.config.checking import validate
from pipeline.config.schema import Tracking
from pipeline.config.trees import Tree
from pipeline.experiments.comparing.axes import ALWAYS_SHOWN
from pipeline.experiments.comparing.recording import record, write
from pipeline.experiments.comparing.results import Result, note_of, trial_name
from pipeline.experiments.forks import shared_folder
from pipeline.experiments.forkserver import start_forkserver
from pipeline.experiments.runs import TrialRuns
from pipeline.experiments.searching.objective import (
    MAXIMISED,
    Objective,
    TrialFailedError,
    other_study,
    results_of,
)
from pipeline.experiments.searching.space import Search
from pipeline.experiments.trial import (
    Trial,
    sweeps_dir,
)
from pipeline.plots.style.numbers import counted, percent
from pipeline.system.errors import InputError, in_one_line
from pipeline.system.progress import Progress, progress
from pipeline.tracking.addresses import sqlite_uri
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import Recorder, new_run

if TYPE_CHECKING:
    import optuna

SEARCH_TAG = "search"
RUN_ATTRIBUTE = "mlflow_run_id"
OBJECTIVES_ATTRIBUTE = "objectives"
DATA_ATTRIBUTE = "data"
HEARTBEAT_SECONDS = 30
OPENING_SECONDS = 0.5

log = logging.getLogger(__name__)


def run_search(search: Search, tree: Tree) -> list[Result]:
    """Run trials until the study has `search.trials`; return the finished ones.

    Args:
        search: The settings of the search.
        tree: The configuration whose values the search varies.

    Raises:
        InputError: The configuration is not valid, the study has other settings, or no trial
            finished.
    """
    tracking = validate(tree).tracking
    study = open_study(search)
    _keep_data(study, search, tree["data"])
    if _missing(study, search):
        start_forkserver()
    with _study_run(tracking, study) as recorder:
        runs = TrialRuns(tracking, recorder.key, partial(_name, search))
        with shared_folder() as pictures:
            optimise(study, search, Objective(search, tree, runs, pictures))
        results = finished(study)
        if not results:
            raise InputError(f"search.study={search.study}: no trial has finished")
        folder = sweeps_dir() / f"search-{search.study}"
        files = write(results, folder) + plot(study, folder, results)
        record(recorder, results, files, SEARCH_TAG)
    return results


@contextmanager
def _study_run(settings: Tracking, study: "optuna.Study") -> Iterator[Recorder]:
    """Open the study's MLflow run; if several processes start at once, one creates it for all."""
    request = RunRequest(settings.experiment, f"search {study.study_name}", {"stage": SEARCH_TAG})
    with ExitStack() as stack:
        with FileLock(sweeps_dir() / f"search-{study.study_name}.lock"):
            run_id = study.user_attrs.get(RUN_ATTRIBUTE)
            recorder = stack.enter_context(new_run(settings, request, run_id))
            if settings.enabled:
                study.set_user_attr(RUN_ATTRIBUTE, recorder.run_id())
        yield recorder


def open_study(search: Search) -> "optuna.Study":
    """Open the study, or create it.

    Raises:
        InputError: Its storage cannot be opened, or the study has other objectives.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.ERROR)  # it warns of failed trials at length
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # the heartbeat
    sweeps_dir().mkdir(exist_ok=True)
    url = search.storage or sqlite_uri(sweeps_dir() / "search.db")
    try:
        study = optuna.create_study(
            study_name=search.study,
            storage=_open_storage(url),
            sampler=optuna.samplers.TPESampler(),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1),
            directions=[_direction(name) for name in search.objectives],
            load_if_exists=True,
        )
    # Optuna raises a RuntimeError for a database of another version.
    except (SQLAlchemyError, optuna.exceptions.OptunaError, ImportError, RuntimeError) as error:
        reason = in_one_line(error, 200)
        raise InputError(f"search.storage={url}: cannot be opened ({reason})") from error
    _keep_objectives(study, search)
    return study


def _direction(objective: str) -> Any:
    return "maximize" if objective in MAXIMISED else "minimize"


def _keep_objectives(study: "optuna.Study", search: Search) -> None:
    """Store the objectives of a new study; refuse different ones for an existing study."""
    kept = study.user_attrs.get(OBJECTIVES_ATTRIBUTE)
    if kept is None:
        study.set_user_attr(OBJECTIVES_ATTRIBUTE, search.objectives)
    elif kept != search.objectives:
        raise other_study(search, "objectives", f"has the objectives {', '.join(kept)}")


def _keep_data(study: "optuna.Study", search: Search, data: Tree) -> None:
    """Store the data of a new study; refuse other data, on which accuracies cannot be compared."""
    kept = study.user_attrs.get(DATA_ATTRIBUTE)
    if kept is None:
        study.set_user_attr(DATA_ATTRIBUTE, data)
    elif kept != data:
        reason = f"has tried other data ({', '.join(f'{k}={v}' for k, v in kept.items())})"
        raise other_study(search, "study", reason)


def _open_storage(url: str, tries: int = 4) -> "optuna.storages.RDBStorage":
    """Open a database; retry, since only one of several processes can create its tables.

    Raises:
        SQLAlchemyError: It cannot be opened, even on the last try.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return optuna.storages.RDBStorage(url, heartbeat_interval=HEARTBEAT_SECONDS)
    except SQLAlchemyError:
        if tries == 1:
            raise
        time.sleep(OPENING_SECONDS)
        return _open_storage(url, tries - 1)


def optimise(study: "optuna.Study", search: Search, objective: Objective) -> None:
    """Run trials until the study has `search.trials`, or until the timeout."""
    from optuna.study import MaxTrialsCallback

    missing = _missing(study, search)
    if not missing:
        log.info("the study has all its %d trials; raise search.trials for more", search.trials)
        return
    log.info("%d trials, %d of them run before", search.trials, search.trials - missing)
    with progress(missing, "trial") as shown:
        objective.shown = shown
        study.optimize(
            objective,
            timeout=search.timeout,
            catch=(TrialFailedError,),
            callbacks=[
                MaxTrialsCallback(search.trials, states=_ended()),
                _ShowTrial(shown, search, missing),
            ],
        )


@dataclass
class _ShowTrial:
    """Optuna callback that shows each trial of this process, and counts other processes' too."""

    shown: Progress
    search: Search
    missing: int

    def __call__(self, study: "optuna.Study", ended: "optuna.trial.FrozenTrial") -> None:
        (first, *more), missing = results_of(ended), _missing(study, self.search)
        text = f"{_name(self.search, first.trial)}: {first.outcome.in_words()}"
        if more:
            text += f"; {counted(1 + len(more), 'seed')}, mean {percent(_mean_accuracy(ended))}"
        self.shown.step(text, by=self.missing - missing)
        self.missing = missing


def _name(search: Search, trial: Trial) -> str:
    """Return the trial's name with its values of all settings that the search varies."""
    return trial_name(trial, [key for key in search.space if key not in ALWAYS_SHOWN])


def _missing(study: "optuna.Study", search: Search) -> int:
    """Return how many trials of the study are left to run."""
    return max(0, search.trials - len(study.get_trials(deepcopy=False, states=_ended())))


def _ended() -> "tuple[optuna.trial.TrialState, ...]":
    from optuna.trial import TrialState

    return TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL


def finished(study: "optuna.Study") -> list[Result]:
    """Return the study's finished trials with all their seeds, those of other processes as well."""
    return [
        result
        for ended in study.get_trials(deepcopy=False)
        for result in results_of(ended)
        if result.outcome.status == "finished"
    ]


def plot(study: "optuna.Study", folder: Path, results: Sequence[Result]) -> list[Path]:
    """Plot the progress of the search and, given enough trials, how much each setting matters."""
    from optuna.trial import TrialState

    from pipeline.plots import search as plots
    from pipeline.plots.style.page import save_figure

    stopped = study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    accuracies = [_mean_accuracy(ended) for ended in complete]
    note = note_of(results)
    figures = {"history.png": plots.history(accuracies, len(stopped), note)}
    if shares := _importance(study):
        objective = study.user_attrs[OBJECTIVES_ATTRIBUTE][0]
        figures["importance.png"] = plots.importance(shares, objective, note)
    for name, figure in figures.items():
        save_figure(figure, folder / name)
    return [folder / name for name in figures]


def _mean_accuracy(ended: "optuna.trial.FrozenTrial") -> float:
    """Return the mean validation accuracy over the seeds of a complete trial."""
    return fmean(result.outcome.metrics["val_accuracy"] for result in results_of(ended))


def _importance(study: "optuna.Study") -> dict[str, float]:
    """Return the importance of each setting for the first objective; {} with too few trials."""
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances
    from optuna.trial import TrialState

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) <= 3 or len({trial.values[0] for trial in complete}) == 1:
        return {}
    return get_param_importances(
        study,
        evaluator=FanovaImportanceEvaluator(seed=0),
        target=lambda trial: float(trial.values[0]),
    )
