"""Recording a run: parameters, curves, files, models.

A `Recorder` writes from a thread of its own, so that a stage works on while MLflow starts, and
nothing that MLflow does or fails to do ever stops a stage.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config import Tracking, Tree, flatten
from pipeline.tracking.store import (
    RunRequest,
    connect,
    create_run,
    data_experiment,
    exists,
    find_or_replace,
    find_run,
)

if TYPE_CHECKING:
    import keras
    from mlflow import MlflowClient

    FindRun = Callable[[MlflowClient], str]

log = logging.getLogger(__name__)

DATA_DIGEST_TAG = "data_digest"
MODEL_REQUIREMENTS = ("tensorflow", "keras", "numpy")


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
            prepared_by = find_run(
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
            client = connect(self._settings)
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
        if resume_run_id and exists(client, resume_run_id):
            client.update_run(resume_run_id, status="RUNNING")
            return resume_run_id
        return create_run(client, request)

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
        return find_or_replace(client, run_id or "unknown", request)

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
        found = find_or_replace(client, parent_run_id, parent) if parent_run_id else None
        return create_run(client, RunRequest(child.experiment, child.name, child.tags, found))

    recorder = Recorder(find if settings.enabled else None, settings)
    status = "FAILED"
    try:
        yield recorder
        status = "FINISHED"
    finally:
        recorder.finish(status)


def _warn(what: str, error: Exception) -> None:
    reason = " ".join(str(error).split())[:300]
    log.warning("MLflow %s (%s: %s); the stage goes on", what, type(error).__name__, reason)
