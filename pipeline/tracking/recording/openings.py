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
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from pipeline.config.places import home
from pipeline.tracking.errors import refusal
from pipeline.tracking.lookups import active_run_id, experiment_id, runs_with_key
from pipeline.tracking.names import REPLACES_TAG, RUN_KEY_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)


@lru_cache
def _origin() -> dict[str, str]:
    """Return the tags that say who recorded what, with which code; MLflow gives them meaning."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name.removesuffix(".__main__") if spec else "pipeline"
    tags = {"mlflow.source.name": f"python -m {name}", "mlflow.source.type": "PROJECT"}
    # A container may have no name for its user.
    with suppress(OSError, KeyError):
        tags["mlflow.user"] = getpass.getuser()
    if revision := _git_revision():
        tags["mlflow.source.git.commit"] = revision
    return tags


def _git_revision() -> str | None:
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, cwd=home(), capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@dataclass(frozen=True)
class RunRequest:
    """The name of a new run, and what it belongs to.

    Attributes:
        experiment: The MLflow experiment it goes to.
        name: What ran, as the run table shows it.
        tags: Tags in addition to those that all our runs have.
        parent_run_id: The run it is a child of, if any.
        origin: The tags that all our runs have.
        dvc_experiment: The DVC experiment that requests it, if any.
        requested_at: When it is requested, in seconds since 1970. This is the run's start time,
            though it is created only once MLflow answers.
    """

    experiment: str
    name: str
    tags: Mapping[str, str]
    parent_run_id: str | None = None
    origin: Mapping[str, str] = field(default_factory=_origin)
    dvc_experiment: str | None = field(default_factory=lambda: os.environ.get("DVC_EXP_NAME"))
    requested_at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Opening:
    """Which run to write to.

    Attributes:
        run_id: The id by which we know it: our own, which is kept as a tag, or MLflow's.
        request: The run to create if there is none.
        parent: The run to create if the parent is gone, which the run is a child of; None for a
            parent that certainly exists, or none.
        kind: Whether it is a new run, an interrupted one to continue, or a finished one to add to,
            whose status is not changed.
    """

    run_id: str
    request: RunRequest
    parent: RunRequest | None = None
    kind: Literal["new", "resumed", "reopened"] = "new"

    @property
    def ids(self) -> set[str]:
        """The ids of the run and its parent."""
        return {each for each in (self.run_id, self.request.parent_run_id) if each}

    def open(self, client: "MlflowClient", known: Mapping[str, str], *, is_first_try: bool) -> str:
        """Return MLflow's id of the run, created if it is missing.

        Args:
            client: Client of the store.
            known: MLflow's ids of other runs, by ours.
            is_first_try: Whether nobody can have created a new run before.
        """
        if self.kind == "reopened":
            return _find_or_replace(client, self.run_id, self.request)
        if self.kind == "new" and is_first_try:
            return self._create(client, known)
        if found := active_run_id(client, self.run_id):
            client.update_run(found, status="RUNNING")
            return found
        return self._create(client, known)

    def _create(self, client: "MlflowClient", known: Mapping[str, str]) -> str:
        """Create the run, below its parent; return MLflow's id."""
        parent = self.request.parent_run_id
        if parent and self.parent:
            parent = _find_or_replace(client, parent, self.parent)
        elif parent:
            parent = known.get(parent) or active_run_id(client, parent) or parent
        return _create(
            client, replace(self.request, parent_run_id=parent), RUN_KEY_TAG, self.run_id
        )

    def delete_copies(self, client: "MlflowClient", run_id: str) -> None:
        """Delete other runs with our id: MLflow created them, but its answers were lost."""
        from mlflow.exceptions import MlflowException

        for copy in runs_with_key(client, self.run_id):
            if copy.info.run_id != run_id:
                try:
                    client.delete_run(copy.info.run_id)
                except MlflowException as error:
                    if (refused := refusal(error)) is None:
                        raise
                    log.warning("run %s is a copy of %s: %s", copy.info.run_id, run_id, refused)


def _create(client: "MlflowClient", request: RunRequest, key: str, run_id: str) -> str:
    """Create a run with the tags that all our runs have, and an id of ours as one more."""
    tags = {**request.origin, **request.tags, key: run_id}
    if request.dvc_experiment:
        tags["dvc_experiment"] = request.dvc_experiment
    if request.parent_run_id:
        tags["mlflow.parentRunId"] = request.parent_run_id
    run = client.create_run(
        experiment_id(client, request.experiment),
        start_time=int(request.requested_at * 1000),
        run_name=request.name,
        tags=tags,
    )
    return str(run.info.run_id)


def _find_or_replace(client: "MlflowClient", run_id: str, request: RunRequest) -> str:
    """Return MLflow's id of a run or, if the run is gone, of its one replacement."""
    if found := active_run_id(client, run_id):
        return found
    created = _create(client, replace(request, parent_run_id=None), REPLACES_TAG, run_id)
    client.set_terminated(created, "FINISHED")
    log.warning("MLflow has no run %s here; recorded in a new run instead", run_id)
    return created
