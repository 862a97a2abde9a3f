"""Record a model in a run, or download a recorded one."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipeline.config.schema import Tracking
from pipeline.system.errors import InputError
from pipeline.tracking.addresses import uri_to_read
from pipeline.tracking.errors import mlflow_errors_as_input_errors
from pipeline.tracking.lookups import find_training
from pipeline.tracking.names import UNSEEN_TEST_TAG
from pipeline.tracking.recording.keras_flavor import KERAS_FILE_IN_MODEL, KERAS_MODEL_NAME
from pipeline.tracking.store import open_store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Metric, Run
    from mlflow.models import Model


def log_model(client: "MlflowClient", run_id: str, name: str, **model: Any) -> str:
    """Record a model in a run's own store and experiment; return the model's id.

    `Model.log` alone takes both from the settings last made for the whole process.

    Args:
        client: Client of the store that holds the run.
        run_id: The run; its status and duration stay unchanged.
        name: The model's name in the run.
        model: Further arguments of `Model.log`: the flavour, and what it saves.
    """
    import mlflow
    from mlflow.models import Model

    run = client.get_run(run_id)
    mlflow.set_tracking_uri(client.tracking_uri)
    logged = client.create_logged_model(
        run.info.experiment_id, name, source_run_id=run_id, params=run.data.params
    )
    Model.log(artifact_path=None, name=name, run_id=run_id, model_id=logged.model_id, **model)
    return str(logged.model_id)


def log_saved_model(
    client: "MlflowClient", run_id: str, name: str, save: Callable[[str, "Model"], None]
) -> None:
    """Record a model as `log_model` does; one that was begun before is completed.

    Args:
        client: Client of the store that holds the run.
        run_id: The run.
        name: The model's name in the run.
        save: Writes the model to a new folder, given its description.
    """
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    run = client.get_run(run_id)
    logged = _begun(client, run, name) or client.create_logged_model(
        run.info.experiment_id, name, source_run_id=run_id, params=run.data.params
    )
    outputs = run.outputs.model_outputs if run.outputs else []
    if logged.model_id not in {each.model_id for each in outputs}:
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    client.log_batch(run_id, metrics=_metrics_of_model(client, run, logged.model_id))
    with TemporaryDirectory() as place:
        folder = str(Path(place) / "model")
        place_in_store = logged.artifact_location
        save(
            folder,
            Model(place_in_store, run_id, model_uuid=logged.model_id, model_id=logged.model_id),
        )
        client.log_model_artifacts(logged.model_id, folder)
    client.finalize_logged_model(logged.model_id, "READY")


def _begun(client: "MlflowClient", run: "Run", name: str) -> "LoggedModel | None":
    """Return the model that an earlier try has created; None if there is none."""
    condition = f"source_run_id = '{run.info.run_id}' and name = '{name}'"
    found = client.search_logged_models([run.info.experiment_id], condition, max_results=1)
    return found[0] if found else None


def _metrics_of_model(client: "MlflowClient", run: "Run", model_id: str) -> "list[Metric]":
    """Return a run's metrics that are no curves, as metrics of its model."""
    from mlflow.entities import Metric

    histories = [client.get_metric_history(run.info.run_id, key) for key in run.data.metrics]
    return [
        Metric(
            each.key,
            each.value,
            each.timestamp,
            each.step,
            model_id,
            each.dataset_name,
            each.dataset_digest,
            each.run_id,
        )
        for history in histories
        for each in history
        if each.step == 0 and each.model_id is None
    ]


def trained_model(client: "MlflowClient", run: "Run") -> str | None:
    """Return the id of the network that a training's run has; None if it has none.

    The run of a registered network has the registered model as well.
    """
    models = [each.model_id for each in run.outputs.model_outputs] if run.outputs else []
    trained = (each for each in models if client.get_logged_model(each).name == KERAS_MODEL_NAME)
    return next(trained, None)


@mlflow_errors_as_input_errors
def fetch_keras_model(settings: Tracking, run_id: str, folder: Path) -> Path:
    """Download the Keras model of a training's run into a folder; return its .keras file.

    Raises:
        InputError: There is no such run, it has no model, or the model's file is gone.
    """
    client = open_store(uri_to_read(settings), settings)
    import mlflow.artifacts

    run = _run_of_weights(client, run_id)
    model = trained_model(client, run)
    if model is None:
        raise InputError(f"{run_id}: this run has no model; give the id of a finished training")
    uri = f"models:/{model}"
    copy = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder)))
    file = copy / KERAS_FILE_IN_MODEL
    if not file.is_file():
        raise InputError(
            f"{run_id}: its network is gone from MLflow's artifacts; name another training"
        )
    return file


@mlflow_errors_as_input_errors
def unseen_test_digest(settings: Tracking, run_id: str) -> str | None:
    """Return the digest of the test set that a training's weights have not seen; None if unknown.

    Raises:
        InputError: There is no such run.
    """
    run = _run_of_weights(open_store(uri_to_read(settings), settings), run_id)
    return run.data.tags.get(UNSEEN_TEST_TAG)


def _run_of_weights(client: "MlflowClient", run_id: str) -> "Run":
    run = find_training(client, run_id)
    if run is None:
        raise InputError(f"{run_id}: neither a file nor a run in this MLflow store")
    return run
