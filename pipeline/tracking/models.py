"""Trained models that MLflow keeps, brought back as files."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.schema import Tracking
from pipeline.system.errors import InputError
from pipeline.tracking.addresses import uri_to_read
from pipeline.tracking.names import UNSEEN_TEST_TAG
from pipeline.tracking.recording.keras_flavor import KERAS_FILE
from pipeline.tracking.recording.run_writer import MODEL_NAME
from pipeline.tracking.store import open_store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def fetch_keras_model(settings: Tracking, run_id: str, folder: Path) -> Path:
    """Copy the Keras model of a training's run into a folder; return the .keras file.

    Raises:
        InputError: There is no such run, it kept no model, or that is gone.
    """
    client = open_store(uri_to_read(settings), settings)
    import mlflow.artifacts

    run = _find(client, run_id)
    models = [each.model_id for each in run.outputs.model_outputs] if run.outputs else []
    # A run that was registered has the registered form of its network beside this one.
    trained = [each for each in models if client.get_logged_model(each).name == MODEL_NAME]
    if not trained:
        raise InputError(f"{run_id}: this run kept no model; name one of a finished training")
    place = f"models:/{trained[0]}"
    file = Path(mlflow.artifacts.download_artifacts(place, dst_path=str(folder))) / KERAS_FILE
    if not file.is_file():
        raise InputError(f"{run_id}: its network is gone from where MLflow keeps artifacts")
    return file


def unseen_test_digest(settings: Tracking, run_id: str) -> str | None:
    """Return the digest of the test part that a training's weights have not met; None if not known.

    Raises:
        InputError: There is no such run.
    """
    run = _find(open_store(uri_to_read(settings), settings), run_id)
    return run.data.tags.get(UNSEEN_TEST_TAG)


def _find(client: "MlflowClient", run_id: str) -> "Run":
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id)
    except MlflowException as error:
        raise InputError(f"{run_id}: neither a file nor a run that MLflow knows here") from error
