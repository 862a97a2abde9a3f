"""Open MLflow's store."""

import logging
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.places import home
from pipeline.config.schema import Tracking
from pipeline.system.errors import InputError
from pipeline.tracking.addresses import STORE_NAME, local_store
from pipeline.tracking.errors import reason
from pipeline.tracking.lookups import experiment_id
from pipeline.tracking.names import data_experiment

if TYPE_CHECKING:
    from mlflow import MlflowClient

MLFLOW_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
"""Environment variables that MLflow runs with unless the user sets them."""


def mlflow_environment() -> dict[str, str]:
    """Return the environment that MLflow runs with; this process's own stays as it is."""
    return {**MLFLOW_DEFAULTS, **os.environ}


def open_store(uri: str, settings: Tracking) -> "MlflowClient":
    """Import MLflow and open a store, made if it is the local one and missing.

    Args:
        uri: The store, as MLflow names stores.
        settings: The names of the experiments that the local store is made with.

    Raises:
        InputError: MLflow cannot open it.
    """
    for name, value in MLFLOW_DEFAULTS.items():
        os.environ.setdefault(name, value)
    import mlflow
    from sqlalchemy.exc import SQLAlchemyError

    for chatty in ("mlflow", "alembic"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)  # errors are raised as well
    try:
        _check_database(uri)
        mlflow.set_tracking_uri(uri)
        client = mlflow.MlflowClient(uri)
        if uri == local_store():
            _make_experiments(client, settings)
    except (mlflow.MlflowException, SQLAlchemyError, sqlite3.Error) as error:
        raise InputError(
            f"{uri}: no store that MLflow can open ({reason(error, 200)}); move it away if it is "
            "damaged, or name another with tracking.uri"
        ) from error
    return client


def _check_database(uri: str) -> None:
    """Raise sqlite3.Error for what is no database: MLflow would try for two minutes."""
    path = Path(uri.removeprefix("sqlite:///").partition("?")[0])
    if not uri.startswith("sqlite:///") or not path.exists():
        return
    if path.is_dir():
        raise sqlite3.DatabaseError("it is a folder")
    with (
        suppress(sqlite3.OperationalError),  # locked, for example: MLflow waits for that
        closing(sqlite3.connect(path, timeout=0)) as database,
    ):
        database.execute("select count(*) from sqlite_master")


def _make_experiments(client: "MlflowClient", settings: Tracking) -> None:
    """Make the local database and its experiments, one process at a time."""
    from filelock import FileLock

    with FileLock(home() / f"{STORE_NAME}.lock"):
        for experiment in (settings.experiment, data_experiment(settings)):
            experiment_id(client, experiment)
