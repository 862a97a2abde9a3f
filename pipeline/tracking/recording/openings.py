"""Find or create the run to write to."""

import getpass
import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.config.places import home
from pipeline.tracking.lookups import experiment_id, find_run, newest_run_id
from pipeline.tracking.names import REPLACES_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)


def _command() -> str:
    """Return the command that this process runs, as a person types it."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name.removesuffix(".__main__") if spec else "pipeline"
    return f"python -m {name}"


@dataclass(frozen=True)
class RunRequest:
    """The name of a new run, and what it belongs to.

    Attributes:
        experiment: The MLflow experiment it goes to.
        name: What ran, as the run table shows it.
        tags: Tags in addition to those that all our runs have.
        parent_run_id: The run it is a child of, if any.
        command: The command that requests the run; another process creates it.
        dvc_experiment: The DVC experiment that requests it, if any.
        requested_at: When it is requested, in seconds since 1970. This is the run's start time,
            though it is created only once MLflow is up.
    """

    experiment: str
    name: str
    tags: Mapping[str, str]
    parent_run_id: str | None = None
    command: str = field(default_factory=_command)
    dvc_experiment: str | None = field(default_factory=lambda: os.environ.get("DVC_EXP_NAME"))
    requested_at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class NewRun:
    """A new run, or an interrupted run to continue if it still exists."""

    request: RunRequest
    resume_run_id: str | None = None
    ends_with_its_stage = True

    def find(self, client: "MlflowClient") -> str:
        """Return the id of the run to write to."""
        if self.resume_run_id and exists(client, self.resume_run_id):
            client.update_run(self.resume_run_id, status="RUNNING")
            return self.resume_run_id
        return create_run(client, self.request)


@dataclass(frozen=True)
class ReopenedRun:
    """A finished run to add to. If it is gone, one replacement is created, tagged with its id."""

    run_id: str | None
    replacement: RunRequest
    ends_with_its_stage = False

    def find(self, client: "MlflowClient") -> str:
        """Return the id of the run to write to."""
        return find_or_replace(client, self.run_id or "unknown", self.replacement)


@dataclass(frozen=True)
class ChildRun:
    """A child run. If its parent is gone, a replacement for the parent is created."""

    parent_run_id: str | None
    parent: RunRequest
    request: RunRequest
    ends_with_its_stage = True

    def find(self, client: "MlflowClient") -> str:
        """Return the id of the run to write to."""
        if self.parent_run_id is None:
            return create_run(client, self.request)
        parent = find_or_replace(client, self.parent_run_id, self.parent)
        return create_run(client, replace(self.request, parent_run_id=parent))


Opening = NewRun | ReopenedRun | ChildRun


def create_run(client: "MlflowClient", request: RunRequest) -> str:
    """Create a run with the tags that all our runs have; return its id."""
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    parent = {MLFLOW_PARENT_RUN_ID: request.parent_run_id} if request.parent_run_id else {}
    run = client.create_run(
        experiment_id(client, request.experiment),
        start_time=int(request.requested_at * 1000),
        run_name=request.name,
        tags={**_common_tags(request), **request.tags, **parent},
    )
    return str(run.info.run_id)


def find_or_replace(client: "MlflowClient", run_id: str, request: RunRequest) -> str:
    """Return a run's id or, if the run is gone, the id of its one replacement."""
    if exists(client, run_id):
        return run_id
    replacement = newest_run_id(client, request.experiment, f"tags.{REPLACES_TAG} = '{run_id}'")
    if replacement:
        return replacement
    log.warning("MLflow has no run %s here; recording in a new run instead", run_id)
    tags = {**request.tags, REPLACES_TAG: run_id}
    created = create_run(client, replace(request, tags=tags, parent_run_id=None))
    client.set_terminated(created, "FINISHED")
    return created


def exists(client: "MlflowClient", run_id: str) -> bool:
    """Return whether the store holds a run that has not been deleted."""
    run = find_run(client, run_id)
    return run is not None and str(run.info.lifecycle_stage) == "active"


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
