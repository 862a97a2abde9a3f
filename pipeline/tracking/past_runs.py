"""Read finished runs back from MLflow: trainings to compare, and the configuration of a run."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.schema import Tracking
from pipeline.system.errors import InputError
from pipeline.tracking.addresses import uri_to_read
from pipeline.tracking.errors import mlflow_errors_as_input_errors
from pipeline.tracking.lookups import experiment_id, find_training
from pipeline.tracking.names import (
    CONFIG_ARTIFACT,
    CONFIGURATION_TAG,
    DATA_NOTE_TAG,
    comparable_data,
    validation_accuracy,
)
from pipeline.tracking.store import open_store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

CURVES = ("val_accuracy", "val_loss")
PLOTS = ("evaluate/confusion_matrix.png", "evaluate/worst_mistakes.png")
MOST_SEARCHED = 5000  # runs
CUSTOM_PLOT = "predict-custom/predictions.png"


@dataclass(frozen=True)
class PastTraining:
    """A finished training, as MLflow recorded it.

    Attributes:
        id: The id of its MLflow run.
        name: What ran, such as "mlp 128-128 · 5 epochs".
        params: Its parameters, as text.
        metrics: Its metrics, and those of the newest predictions made with it.
        curves: For each of CURVES, the value after each epoch, by epoch.
        note: A warning about its data, or None.
        data: What identifies its data: see `comparable_data`.
        plots: Its PNG files by artifact path: those of PLOTS and CUSTOM_PLOT that it has.
        configuration: The same for trainings that differ in their seed alone; None if unknown.
    """

    id: str
    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    curves: Mapping[str, Mapping[int, float]]
    note: str | None
    plots: Mapping[str, bytes]
    data: str | None = None
    configuration: str | None = None


@mlflow_errors_as_input_errors
def read_trainings(settings: Tracking, ids: Sequence[str] | None, best: int) -> list[PastTraining]:
    """Read finished trainings: of each data set the best first, the last data set first.

    Validation accuracies on other data cannot be compared.

    Args:
        settings: Where they are recorded.
        ids: Their runs; None reads the best on the data of the newest one.
        best: How many of the best configurations to read, each with all its seeds.

    Raises:
        InputError: One of them does not exist, or there is none at all.
    """
    client = open_store(uri_to_read(settings), settings)
    runs = [_named(client, run_id) for run_id in ids] if ids else _best(client, settings, best)
    if not runs:
        raise InputError(
            f"experiment {settings.experiment} holds no finished training; run `digits` first"
        )
    trainings = [_read(client, run) for run in runs]
    data = list(dict.fromkeys(each.data for each in trainings))
    return sorted(
        trainings,
        key=lambda each: (data.index(each.data), -each.metrics.get("val_accuracy", 0.0)),
    )


def _named(client: "MlflowClient", run_id: str) -> "Run":
    run = find_training(client, run_id)
    if run is None:
        raise InputError(f"runs: MLflow knows no run {run_id}; `make ui` lists the runs")
    return run


def _best(client: "MlflowClient", settings: Tracking, count: int) -> "list[Run]":
    """Return the runs of the best configurations, by mean accuracy, on the newest run's data."""
    runs = client.search_runs(
        [experiment_id(client, settings.experiment)],
        "attributes.status = 'FINISHED' and metrics.val_accuracy > 0",
        order_by=["attributes.start_time DESC"],
        max_results=MOST_SEARCHED,
    )
    found: dict[str, list[Run]] = {}
    for run in runs:
        if comparable_data(run.data.tags) == comparable_data(runs[0].data.tags):
            key = run.data.tags.get(CONFIGURATION_TAG, run.info.run_id)
            found.setdefault(key, []).append(run)
    ranked = sorted(found.values(), key=_mean_accuracy, reverse=True)
    return [run for group in ranked[:count] for run in group]


def _mean_accuracy(runs: "Sequence[Run]") -> float:
    return sum(validation_accuracy(run.data.metrics) or 0.0 for run in runs) / len(runs)


def _read(client: "MlflowClient", run: "Run") -> PastTraining:
    run_id = run.info.run_id
    predictions = client.search_runs(
        [run.info.experiment_id],
        f"tags.mlflow.parentRunId = '{run_id}' and tags.stage = 'predict-custom'",
        max_results=1,
    )
    metrics, plots = dict(run.data.metrics), _plots(client, run_id, PLOTS)
    for child in predictions:
        metrics |= child.data.metrics
        plots |= _plots(client, child.info.run_id, (CUSTOM_PLOT,))
    if (accuracy := validation_accuracy(metrics)) is not None:
        metrics["val_accuracy"] = accuracy
    return PastTraining(
        id=run_id,
        name=run.info.run_name,
        params=run.data.params,
        metrics=metrics,
        curves={key: _curve(client, run, key) for key in CURVES},
        note=run.data.tags.get(DATA_NOTE_TAG),
        plots=plots,
        data=comparable_data(run.data.tags),
        configuration=run.data.tags.get(CONFIGURATION_TAG),
    )


def _curve(client: "MlflowClient", run: "Run", key: str) -> dict[int, float]:
    if key not in run.data.metrics:
        return {}
    return {each.step: each.value for each in client.get_metric_history(run.info.run_id, key)}


def _plots(client: "MlflowClient", run_id: str, wanted: Sequence[str]) -> dict[str, bytes]:
    folder = str(Path(wanted[0]).parent)
    there = {file.path for file in client.list_artifacts(run_id, folder)}
    with tempfile.TemporaryDirectory() as place:
        return {
            path: Path(client.download_artifacts(run_id, path, place)).read_bytes()
            for path in wanted
            if path in there
        }


@mlflow_errors_as_input_errors
def recorded_config(settings: Tracking, run_id: str) -> str:
    """Return the text of the params.yaml that a run used.

    Raises:
        InputError: There is no such run, or it holds no configuration.
    """
    uri = uri_to_read(settings)
    client = open_store(uri, settings)
    from mlflow.exceptions import MlflowException

    try:
        with tempfile.TemporaryDirectory() as folder:
            run = _named(client, run_id)
            path = client.download_artifacts(run.info.run_id, CONFIG_ARTIFACT, folder)
            return Path(path).read_text(encoding="utf-8")
    except (MlflowException, OSError) as error:
        raise InputError(
            f"run={run_id}: no run with a configuration in {uri}; `make ui` lists the runs"
        ) from error
