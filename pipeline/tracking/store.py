"""Open MLflow's store."""

import json
import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode

from pipeline.config.places import home
from pipeline.config.schema import Tracking
from pipeline.system.environment import NO_TELEMETRY, turn_off_telemetry
from pipeline.system.errors import InputError
from pipeline.tracking.addresses import (
    ARTIFACTS_NAME,
    SCHEMES,
    SERVER_TIMEOUT,
    STORE_NAME,
    local_store,
    sqlite_file,
    without_password,
)
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
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""The columns of MLflow's tables that say where artifacts are."""
IDENTIFYING = ("artifact_location", "creation_time")
"""What two stores' experiments of the same name differ in."""
FILE = "file://"
MLFLOW_ARTIFACTS_NAME = "mlruns"
"""MLflow's own folder for the artifacts of experiments that were not created by this project."""
LOCKED = "database is locked"
"""What SQLite says while another program holds a database."""


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
            _prepare_local_store(client, settings)
    except (mlflow.MlflowException, SQLAlchemyError, sqlite3.Error, ImportError, OSError) as error:
        raise InputError(
            f"{without_password(uri)}: MLflow cannot open this store ({_reason(error, uri)}); "
            f"{_remedy(error, uri)}name another with tracking.uri or MLFLOW_TRACKING_URI"
        ) from error
    return client


def shows_store(address: str, uri: str, settings: Tracking) -> bool:
    """Return whether the server at an address is MLflow's, and shows a certain store."""
    import urllib.request
    from http.client import HTTPException

    ours = open_store(uri, settings).get_experiment_by_name(settings.experiment)
    query = urlencode({"experiment_name": settings.experiment})
    place = f"{address}/api/2.0/mlflow/experiments/get-by-name?{query}"
    try:
        with urllib.request.urlopen(place, timeout=SERVER_TIMEOUT) as answer:
            theirs = json.load(answer)["experiment"]
            return all(theirs[key] == getattr(ours, key) for key in IDENTIFYING)
    except (OSError, HTTPException, ValueError, LookupError, TypeError):
        return False


def _reason(error: Exception, uri: str) -> str:
    """Return why a store cannot be opened; MLflow's own list of kinds names some it refuses."""
    if re.split(r"[+:]", uri)[0] in SCHEMES:
        return reason(error, 300)
    return f"its addresses begin with {', '.join(SCHEMES)}"


def _remedy(error: Exception, uri: str) -> str:
    """Return what to do about a store that cannot be opened, if anything can be done."""
    if LOCKED in str(error):
        return "end the program that holds it, or "
    if "out-of-date database schema" in str(error):
        return f"run `mlflow db upgrade {uri}`, update MLflow if a newer one wrote it, or "
    return "move it away if it is damaged, or " if sqlite_file(uri) else ""


def _check_database(uri: str) -> None:
    """Raise sqlite3.Error for a file that MLflow would try in vain to open for two minutes."""
    file = sqlite_file(uri)
    if file is None:
        return
    if file.is_dir():
        raise sqlite3.DatabaseError("it is a folder")
    if not file.exists():
        folder = next(each for each in file.parents if each.exists())
        if not os.access(folder, os.W_OK):
            raise sqlite3.OperationalError(f"{folder} is not writable")
        return
    try:
        with closing(sqlite3.connect(file, timeout=0)) as database:
            database.execute("select count(*) from sqlite_master")
    except sqlite3.OperationalError as error:
        if LOCKED not in str(error):  # MLflow waits for that
            raise


def _prepare_local_store(client: "MlflowClient", settings: Tracking) -> None:
    """Create the local database and its experiments, one process at a time."""
    from filelock import FileLock

    with FileLock(home() / f"{STORE_NAME}.lock"):
        follow_move()
        for experiment in (settings.experiment, data_experiment(settings)):
            experiment_id(client, experiment)


def follow_move() -> None:
    """Make a store that was moved or copied with its project refer to the artifacts beside it.

    MLflow keeps absolute locations only. It is not imported for this.

    Raises:
        sqlite3.Error: The local store is damaged, locked or not writable.
    """
    if (home() / STORE_NAME).exists():
        with closing(sqlite3.connect(home() / STORE_NAME, timeout=20)) as database:
            _follow_move(database)


def _follow_move(database: sqlite3.Connection) -> None:
    tables = {name for (name,) in database.execute("select name from sqlite_master")}
    columns = [(table, column) for table, column in LOCATIONS if table in tables]
    with database:
        for before, now in _moved_folders(database) if columns else ():
            for table, column in columns:
                database.execute(
                    f"update {table} set {column} = ? || substr({column}, ?) "
                    f"where substr({column}, 1, ?) = ?",
                    (now, len(before) + 1, len(before), before),
                )


def _moved_folders(database: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Yield where folders of artifacts were and where they are now, as URIs and as paths."""
    found = database.execute("select artifact_location from experiments").fetchall()
    homes = {str(location).rpartition(f"/{ARTIFACTS_NAME}/")[0] for (location,) in found}
    for old in sorted(each for each in homes if each.startswith(FILE) and not _is_here(each)):
        for folder in (ARTIFACTS_NAME, MLFLOW_ARTIFACTS_NAME):
            yield f"{old}/{folder}/", f"{home().as_uri()}/{folder}/"
            yield f"{_path(old)}/{folder}/", f"{home()}/{folder}/"


def _is_here(uri: str) -> bool:
    """Return whether a folder is the project's, perhaps by another path to it."""
    folder = _path(uri)
    return uri == home().as_uri() or (folder.exists() and folder.samefile(home()))


def _path(uri: str) -> Path:
    return Path(unquote(uri.removeprefix(FILE)))
