"""Everything MLflow: runs, what is recorded in them, and where. Nothing else imports mlflow.

A `Recorder` writes from a thread of its own, so that a stage works on while MLflow starts, and
nothing that MLflow does or fails to do ever stops a stage.
"""

import getpass
import logging
import os
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config import Tracking, Tree, flatten, home

if TYPE_CHECKING:
    import keras
    from mlflow import MlflowClient

    FindRun = Callable[[MlflowClient], str]

log = logging.getLogger(__name__)

STORE_NAME = "mlflow.db"
ARTIFACTS_NAME = "mlartifacts"
REPLACES_TAG = "replaces_run_id"
DATA_DIGEST_TAG = "data_digest"
SERVER_ANSWERS_WITHIN = 5.0
MODEL_REQUIREMENTS = ("tensorflow", "keras", "numpy")


@dataclass(frozen=True)
class RunRequest:
    """What a new run is called and belongs to.

    Attributes:
        experiment: The MLflow experiment it goes to.
        name: What ran, in words for the run table.
        tags: Tags besides those that every run of ours carries.
        parent_run_id: The run it is a child of, if any.
    """

    experiment: str
    name: str
    tags: Mapping[str, str]
    parent_run_id: str | None = None


class Recorder:
    """Writes to one MLflow run, in order, from a thread; or to none at all when switched off."""

    def __init__(self, find_run: "FindRun | None", settings: Tracking) -> None:
        """Start MLflow and find or make the run, in the background; None records nothing."""
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mlflow")
        self._client: MlflowClient | None = None
        self._run_id = uuid.uuid4().hex
        self._started: Future[None] | None = None
        if find_run:
            self._started = self._thread.submit(self._start, find_run)

    def run_id(self) -> str:
        """Give the run's id, once known; an id of no run when nothing is recorded."""
        if self._started:
            self._started.result()
        return self._run_id

    def keep_run_id(self, path: Path) -> None:
        """Write the run's id to a file as soon as it is known, if a run is recorded at all."""

        def write(client: "MlflowClient") -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._run_id + "\n", encoding="utf-8")

        self._do(write)

    def params(self, params: Tree) -> None:
        """Record a configuration as flat parameters; functions go by their bare names."""
        from_target = {
            key.removesuffix("._target_"): str(value).rpartition(".")[2]
            if key.endswith("._target_")
            else value
            for key, value in flatten(params).items()
        }

        def write(client: "MlflowClient") -> None:
            from mlflow.entities import Param

            known = client.get_run(self._run_id).data.params
            client.log_batch(
                self._run_id,
                params=[Param(k, str(v)) for k, v in from_target.items() if k not in known],
            )

        self._do(write)

    def metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Record numbers, all in one batch."""
        now = int(time.time() * 1000)

        def write(client: "MlflowClient") -> None:
            from mlflow.entities import Metric

            batch = [Metric(key, float(value), now, step) for key, value in metrics.items()]
            client.log_batch(self._run_id, metrics=batch)

        self._do(write)

    def tags(self, tags: Mapping[str, str]) -> None:
        """Set tags on the run."""

        def write(client: "MlflowClient") -> None:
            from mlflow.entities import RunTag

            client.log_batch(self._run_id, tags=[RunTag(key, value) for key, value in tags.items()])

        self._do(write)

    def files(self, paths: Sequence[Path], folder: str) -> None:
        """Record files as artifacts in a folder of the run."""

        def write(client: "MlflowClient") -> None:
            for path in paths:
                client.log_artifact(self._run_id, str(path), folder)

        self._do(write)

    def text(self, text: str, name: str) -> None:
        """Record a text as an artifact, by its path within the run."""
        self._do(lambda client: client.log_text(self._run_id, text, name))

    def dataset(self, name: str, digest: str, source: str, pictures: Mapping[str, int]) -> None:
        """Record the data as the run's input and, by its digest, the run that prepared it."""

        def write(client: "MlflowClient") -> None:
            import json

            from mlflow.entities import Dataset, DatasetInput, InputTag

            data = Dataset(
                name=name,
                digest=digest[:32],
                source_type="local",
                source=json.dumps({"uri": source}),
                profile=json.dumps(dict(pictures)),
            )
            context = [InputTag("mlflow.data.context", "training")]
            client.log_inputs(self._run_id, [DatasetInput(data, context)])
            prepared_by = _find_run(
                client, data_experiment(self._settings), f"tags.{DATA_DIGEST_TAG} = '{digest}'"
            )
            client.set_tag(self._run_id, DATA_DIGEST_TAG, digest)
            if prepared_by:
                client.set_tag(self._run_id, "data_run_id", prepared_by)

        self._do(write)

    def keras_model(self, model: "keras.Model") -> None:
        """Record the trained Keras model with the signature of its input and output."""

        def write(client: "MlflowClient") -> None:
            import mlflow.keras
            import numpy as np
            from mlflow.models import ModelSignature
            from mlflow.types import Schema, TensorSpec

            pixels = TensorSpec(np.dtype(np.uint8), (-1, *model.input_shape[1:]))
            probabilities = TensorSpec(np.dtype(np.float32), (-1, *model.output_shape[1:]))
            with mlflow.start_run(run_id=self._run_id):
                mlflow.keras.log_model(
                    model,
                    name="model",
                    signature=ModelSignature(Schema([pixels]), Schema([probabilities])),
                    # Given, because finding them out takes MLflow longer than the training.
                    pip_requirements=[f"{name}=={version(name)}" for name in MODEL_REQUIREMENTS],
                )

        self._do(write)

    def finish(self, status: str | None) -> None:
        """Wait until all is written; give the run its final status, or leave it as it is."""
        if status:
            self._do(lambda client: client.set_terminated(self._run_id, status))
        self._thread.shutdown(wait=True)

    def _start(self, find_run: "FindRun") -> None:
        try:
            client = _connect(self._settings)
            self._run_id = find_run(client)
            self._client = client
        except Exception as error:
            _warn("could not start", error)

    def _do(self, write: "Callable[[MlflowClient], None]") -> None:
        def guarded() -> None:
            if self._client is None:
                return
            try:
                write(self._client)
            except Exception as error:
                self._client = None
                _warn("stopped recording", error)

        if self._started:
            self._thread.submit(guarded)


@contextmanager
def new_run(
    settings: Tracking, request: RunRequest, resume_run_id: str | None = None
) -> Iterator[Recorder]:
    """Record a run of its own, finished, failed or killed as the block ends.

    Args:
        settings: Where, and whether at all.
        request: What the run is called and belongs to.
        resume_run_id: An interrupted run to go on with, if it is still there.
    """

    def find(client: "MlflowClient") -> str:
        if resume_run_id and _exists(client, resume_run_id):
            client.update_run(resume_run_id, status="RUNNING")
            return resume_run_id
        return _create_run(client, request)

    recorder = Recorder(find if settings.enabled else None, settings)
    status = "FAILED"
    try:
        yield recorder
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        recorder.finish(status)


@contextmanager
def reopened_run(settings: Tracking, run_id: str | None, request: RunRequest) -> Iterator[Recorder]:
    """Add to a finished run, leaving its status and its duration alone.

    Where the run is gone (another database), one replacement tagged with the old id stands in.
    """

    def find(client: "MlflowClient") -> str:
        return _find_or_replace(client, run_id or "unknown", request)

    recorder = Recorder(find if settings.enabled else None, settings)
    try:
        yield recorder
    finally:
        recorder.finish(None)


@contextmanager
def child_run(
    settings: Tracking, parent_run_id: str | None, parent: RunRequest, child: RunRequest
) -> Iterator[Recorder]:
    """Record a run under another, for which a replacement is made when it is gone."""

    def find(client: "MlflowClient") -> str:
        found = _find_or_replace(client, parent_run_id, parent) if parent_run_id else None
        return _create_run(client, RunRequest(child.experiment, child.name, child.tags, found))

    recorder = Recorder(find if settings.enabled else None, settings)
    status = "FAILED"
    try:
        yield recorder
        status = "FINISHED"
    finally:
        recorder.finish(status)


def data_experiment(settings: Tracking) -> str:
    """Name the experiment that holds the runs of prepare."""
    return f"{settings.experiment}-data"


def tracking_uri(settings: Tracking) -> str:
    """Give where runs go: MLFLOW_TRACKING_URI, else the configured place, else mlflow.db."""
    return os.environ.get("MLFLOW_TRACKING_URI") or settings.uri or _local_store()


def _local_store() -> str:
    return f"sqlite:///{home() / STORE_NAME}"


def _connect(settings: Tracking) -> "MlflowClient":
    """Import MLflow and open the store; one process at a time may make the local database."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow
    from filelock import FileLock

    for chatty in ("mlflow", "alembic"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    uri = _reachable(tracking_uri(settings))
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient(uri)
    if uri != _local_store():
        return client
    with FileLock(home() / f"{STORE_NAME}.lock"):
        for experiment in (settings.experiment, data_experiment(settings)):
            _experiment_id(client, experiment)
    return client


def _reachable(uri: str) -> str:
    """Give the server's address back if it answers, else the local store, with a warning."""
    if not uri.startswith(("http://", "https://")):
        return uri
    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=SERVER_ANSWERS_WITHIN).close()
    except OSError as error:
        log.warning(
            "the MLflow server at %s does not answer (%s); this run is kept in %s instead",
            uri, error, _local_store(),
        )  # fmt: skip
        return _local_store()
    return uri


def _experiment_id(client: "MlflowClient", name: str) -> str:
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


def _create_run(client: "MlflowClient", request: RunRequest) -> str:
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    parent = {MLFLOW_PARENT_RUN_ID: request.parent_run_id} if request.parent_run_id else {}
    run = client.create_run(
        _experiment_id(client, request.experiment),
        run_name=request.name,
        tags={**_common_tags(), **request.tags, **parent},
    )
    return str(run.info.run_id)


def _find_or_replace(client: "MlflowClient", run_id: str, request: RunRequest) -> str:
    if _exists(client, run_id):
        return run_id
    replacement = _find_run(client, request.experiment, f"tags.{REPLACES_TAG} = '{run_id}'")
    if replacement:
        return replacement
    log.warning("MLflow knows no run %s here; a new run stands in for it", run_id)
    tags = {**request.tags, REPLACES_TAG: run_id}
    created = _create_run(client, RunRequest(request.experiment, request.name, tags))
    client.set_terminated(created, "FINISHED")
    return created


def _find_run(client: "MlflowClient", experiment: str, condition: str) -> str | None:
    found = client.search_runs([_experiment_id(client, experiment)], condition, max_results=1)
    return str(found[0].info.run_id) if found else None


def _exists(client: "MlflowClient", run_id: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_run(run_id).info.lifecycle_stage) == "active"
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return False
        raise


def _common_tags() -> dict[str, str]:
    from mlflow.utils.mlflow_tags import (
        MLFLOW_GIT_COMMIT,
        MLFLOW_SOURCE_NAME,
        MLFLOW_SOURCE_TYPE,
        MLFLOW_USER,
    )

    tags = {
        MLFLOW_SOURCE_NAME: "dvc repro",
        MLFLOW_SOURCE_TYPE: "PROJECT",
    }
    # A container may have no name for its user.
    with suppress(OSError, KeyError):
        tags[MLFLOW_USER] = getpass.getuser()
    if revision := _git_revision():
        tags[MLFLOW_GIT_COMMIT] = revision
    if experiment := os.environ.get("DVC_EXP_NAME"):
        tags["dvc_experiment"] = experiment
    return tags


def _git_revision() -> str | None:
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, cwd=home(), capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _warn(what: str, error: Exception) -> None:
    reason = " ".join(str(error).split())[:300]
    log.warning("MLflow %s (%s: %s); the stage goes on", what, type(error).__name__, reason)
