"""Open MLflow's store."""

import logging
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.places import home
from pipeline.config.schema import Tracking
from pipeline.system.environment import NO_TELEMETRY, turn_off_telemetry
from pipeline.system.errors import InputError
from pipeline.tracking.addresses import STORE_NAME, local_store
from pipeline.tracking.errors import reason
from pipeline.tracking.lookups import experiment_id
from pipeline.tracking.names import data_experiment

if TYPE_CHECKING:
    from mlflow import MlflowClient

MLFLOW_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
"""Environment variables for MLflow, unless the user sets them."""


def mlflow_environment() -> dict[str, str]:
    """Return the environment for MLflow; this process's own stays unchanged."""
    return {**MLFLOW_DEFAULTS, **os.environ, **NO_TELEMETRY}


def open_store(uri: str, settings: Tracking) -> "MlflowClient":
    """Import MLflow and open a store; create the local store if it is missing.

    Args:
        uri: The store, as MLflow names stores.
        settings: Names the experiments to create in the local store.

    Raises:
        InputError: MLflow cannot open it.
    """
    turn_off_telemetry()
    for name, value in MLFLOW_DEFAULTS.items():
        os.environ.setdefault(name, value)
    import mlflow
    from sqlalchemy.exc import SQLAlchemyError

    for chatty in ("mlflow", "alembic"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)  # errors are raised anyway
    try:
        _check_database(uri)
        mlflow.set_tracking_uri(uri)
        client = mlflow.MlflowClient(uri)
        if uri == local_store():
            _create_experiments(client, settings)
    except (mlflow.MlflowException, SQLAlchemyError, sqlite3.Error) as error:
        raise InputError(
            f"{uri}: MLflow cannot open this store ({reason(error, 200)}); move it away if it "
            "is damaged, or name another with tracking.uri"
        ) from error
    return client


def _check_database(uri: str) -> None:
    """Raise sqlite3.Error if a file is no database; MLflow would keep trying for two minutes."""
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


def _create_experiments(client: "MlflowClient", settings: Tracking) -> None:
    """Create the local database and its experiments, one process at a time."""
    from filelock import FileLock

    with FileLock(home() / f"{STORE_NAME}.lock"):
        for experiment in (settings.experiment, data_experiment(settings)):
            experiment_id(client, experiment)
