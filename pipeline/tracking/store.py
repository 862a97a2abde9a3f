"""Where MLflow keeps runs: opening the store, finding and making runs and models in it."""

import getpass
import logging
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config import Tracking, home
from pipeline.digits.errors import InputError, in_one_line

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)

STORE_NAME = "mlflow.db"
ARTIFACTS_NAME = "mlartifacts"
REPLACES_TAG = "replaces_run_id"
SERVER_ANSWERS_WITHIN = 5.0
DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def _command() -> str:
    """Name the command that this process runs."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name.removesuffix(".__main__") if spec else "pipeline"
    return f"python -m {name}"


@dataclass(frozen=True)
class RunRequest:
    """What a new run is called and belongs to.

    Attributes:
        experiment: The MLflow experiment it goes to.
        name: What ran, in words for the run table.
        tags: Tags besides those that every run of ours carries.
        parent_run_id: The run it is a child of, if any.
        command: The command that asked for the run; another process makes it.
        dvc_experiment: The experiment of DVC's that asks for it, if any.
        asked: When that was, in seconds since 1970; the run is made once MLflow is up.
    """

    experiment: str
    name: str
    tags: Mapping[str, str]
    parent_run_id: str | None = None
    command: str = field(default_factory=_command)
    dvc_experiment: str | None = field(default_factory=lambda: os.environ.get("DVC_EXP_NAME"))
    asked: float = field(default_factory=time.time)


@dataclass(frozen=True)
class NewRun:
    """A run of its own, or an interrupted one to go on with if it is still there."""

    request: RunRequest
    resume_run_id: str | None = None
    ends_with_its_writer = True

    def find(self, client: "MlflowClient") -> str:
        """Return the id of the run to write to."""
        if self.resume_run_id and exists(client, self.resume_run_id):
            client.update_run(self.resume_run_id, status="RUNNING")
            return self.resume_run_id
        return create_run(client, self.request)


@dataclass(frozen=True)
class ReopenedRun:
    """A finished run to add to; where it is gone, one replacement tagged with the old id."""

    run_id: str | None
    replacement: RunRequest
    ends_with_its_writer = False

    def find(self, client: "MlflowClient") -> str:
        """Return the id of the run to write to."""
        return find_or_replace(client, self.run_id or "unknown", self.replacement)


@dataclass(frozen=True)
class ChildRun:
    """A run under another, for which a replacement is made when it is gone."""

    parent_run_id: str | None
    parent: RunRequest
    request: RunRequest
    ends_with_its_writer = True

    def find(self, client: "MlflowClient") -> str:
        """Return the id of the run to write to."""
        if self.parent_run_id is None:
            return create_run(client, self.request)
        parent = find_or_replace(client, self.parent_run_id, self.parent)
        return create_run(client, replace(self.request, parent_run_id=parent))


Opening = NewRun | ReopenedRun | ChildRun


def data_experiment(settings: Tracking) -> str:
    """Name the experiment that holds the runs of prepare."""
    return f"{settings.experiment}-data"


def rows_experiment(settings: Tracking) -> str:
    """Name the experiment that holds the runs of train-rows."""
    return f"{settings.experiment}-rows"


def tracking_uri(settings: Tracking) -> str:
    """Return where runs go: MLFLOW_TRACKING_URI, else the configured place, else mlflow.db."""
    return os.environ.get("MLFLOW_TRACKING_URI") or settings.uri or _local_store()


def _local_store() -> str:
    return f"sqlite:///{home() / STORE_NAME}"


def is_removed(settings: Tracking) -> bool:
    """Say whether runs go to the local store and there is none, not yet or no longer."""
    return tracking_uri(settings) == _local_store() and not (home() / STORE_NAME).exists()


def uri_to_read(settings: Tracking) -> str:
    """Return where runs are.

    Raises:
        InputError: It is a server that does not answer; any other store holds other runs.
    """
    uri = tracking_uri(settings)
    if silence := why_silent(uri):
        raise InputError(
            f"the MLflow server at {uri} does not answer ({silence}); start it, or name another "
            "with tracking.uri or MLFLOW_TRACKING_URI"
        )
    return uri


def uri_to_record(settings: Tracking) -> str:
    """Return where runs go; the local store, with a warning, for a server that does not answer."""
    uri = tracking_uri(settings)
    if silence := why_silent(uri):
        log.warning(
            "the MLflow server at %s does not answer (%s); this run is kept in %s instead",
            uri, silence, _local_store(),
        )  # fmt: skip
        return _local_store()
    return uri


def why_silent(uri: str) -> str | None:
    """Say why a server does not answer; None if it does, and for a store that is no server."""
    if not uri.startswith(("http://", "https://")):
        return None
    import urllib.request
    from http.client import HTTPException

    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=SERVER_ANSWERS_WITHIN).close()
    except (OSError, HTTPException, ValueError) as error:
        return in_one_line(error) or type(error).__name__
    return None


def surroundings() -> dict[str, str]:
    """Return the environment with what MLflow is to do of itself, where the user does not say."""
    return {**DEFAULTS, **os.environ}


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
        if uri == _local_store():
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
        local = client.tracking_uri == _local_store()
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


def create_run(client: "MlflowClient", request: RunRequest) -> str:
    """Make a run with the tags that every run of ours carries; return its id."""
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    parent = {MLFLOW_PARENT_RUN_ID: request.parent_run_id} if request.parent_run_id else {}
    run = client.create_run(
        experiment_id(client, request.experiment),
        start_time=int(request.asked * 1000),
        run_name=request.name,
        tags={**_common_tags(request), **request.tags, **parent},
    )
    return str(run.info.run_id)


def find_or_replace(client: "MlflowClient", run_id: str, request: RunRequest) -> str:
    """Return the id of a run, or of the one replacement that stands in for it where it is gone."""
    if exists(client, run_id):
        return run_id
    replacement = find_run(client, request.experiment, f"tags.{REPLACES_TAG} = '{run_id}'")
    if replacement:
        return replacement
    log.warning("MLflow knows no run %s here; a new run stands in for it", run_id)
    tags = {**request.tags, REPLACES_TAG: run_id}
    created = create_run(client, replace(request, tags=tags, parent_run_id=None))
    client.set_terminated(created, "FINISHED")
    return created


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


def exists(client: "MlflowClient", run_id: str) -> bool:
    """Say whether the store holds a run that has not been deleted."""
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_run(run_id).info.lifecycle_stage) == "active"
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return False
        raise


def _common_tags(request: RunRequest) -> dict[str, str]:
    from mlflow.utils.mlflow_tags import (
        MLFLOW_GIT_COMMIT,
        MLFLOW_SOURCE_NAME,
        MLFLOW_SOURCE_TYPE,
        MLFLOW_USER,
    )

    tags = {
        MLFLOW_SOURCE_NAME: request.command,
        MLFLOW_SOURCE_TYPE: "PROJECT",
    }
    # A container may have no name for its user.
    with suppress(OSError, KeyError):
        tags[MLFLOW_USER] = getpass.getuser()
    if revision := _git_revision():
        tags[MLFLOW_GIT_COMMIT] = revision
    if request.dvc_experiment:
        tags["dvc_experiment"] = request.dvc_experiment
    return tags


def _git_revision() -> str | None:
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, cwd=home(), capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
