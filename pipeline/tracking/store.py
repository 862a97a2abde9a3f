"""Open MLflow's store."""

import logging
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config.places import home
from pipeline.config.schema import Tracking
from pipeline.system.errors import InputError, in_one_line
from pipeline.tracking.addresses import (
    ARTIFACTS_NAME,
    DEFAULTS,
    STORE_NAME,
    data_experiment,
    local_store,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient


def open_store(uri: str, settings: Tracking) -> "MlflowClient":
    """Import MLflow and open the store; one process at a time may make the local database."""
    os.environ.update({key: DEFAULTS[key] for key in DEFAULTS.keys() - os.environ.keys()})
    import mlflow
    from sqlalchemy.exc import SQLAlchemyError

    for chatty in ("mlflow", "alembic"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)  # errors are raised as well
    try:
        _look_into(uri)
        mlflow.set_tracking_uri(uri)
        client = mlflow.MlflowClient(uri)
        if uri == local_store():
            _make_experiments(client, settings)
    except (mlflow.MlflowException, SQLAlchemyError, sqlite3.Error) as error:
        reason = in_one_line(str(error).partition("[SQL:")[0], 200)
        raise InputError(
            f"{uri}: no store that MLflow can open ({reason}); move it away if it is damaged, or "
            "name another with tracking.uri"
        ) from error
    return client


def _look_into(uri: str) -> None:
    """Raise sqlite3.Error for what is no database: MLflow would try for two minutes."""
    path = Path(uri.removeprefix("sqlite:///").partition("?")[0])
    if not uri.startswith("sqlite:///") or not path.exists():
        return
    if path.is_dir():
        raise sqlite3.DatabaseError("it is a folder")
    with (
        suppress(sqlite3.OperationalError),  # locked, say, for which MLflow waits
        closing(sqlite3.connect(path, timeout=0)) as database,
    ):
        database.execute("select count(*) from sqlite_master")


def _make_experiments(client: "MlflowClient", settings: Tracking) -> None:
    from filelock import FileLock

    with FileLock(home() / f"{STORE_NAME}.lock"):
        for experiment in (settings.experiment, data_experiment(settings)):
            experiment_id(client, experiment)


def experiment_id(client: "MlflowClient", name: str) -> str:
    """Return the id of an experiment, made if it is missing and restored if it was deleted."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        # A server knows its own place for artifacts; the local store needs to be told.
        local = client.tracking_uri == local_store()
        place = (home() / ARTIFACTS_NAME / name).as_uri() if local else None
        try:
            return client.create_experiment(name, artifact_location=place)
        except MlflowException:
            found = client.get_experiment_by_name(name)  # another process was quicker
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def find_run(client: "MlflowClient", experiment: str, condition: str) -> str | None:
    """Return the id of the newest run of an experiment that meets a condition, None without one."""
    found = client.search_runs([experiment_id(client, experiment)], condition, max_results=1)
    return str(found[0].info.run_id) if found else None


def log_model(client: "MlflowClient", run_id: str, name: str, **model: Any) -> str:
    """Record a model with a run, in the run's store and experiment; return the model's id.

    `Model.log` of itself takes both from what was last set for the whole process.

    Args:
        client: Of the store that holds the run.
        run_id: The run, whose status and duration stay as they are.
        name: What the model is called there.
        model: What `Model.log` takes besides: the flavour, and what that saves.
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
