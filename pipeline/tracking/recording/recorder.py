"""Recording a run: parameters, curves, files, models.

A `Recorder` hands everything to the recorder process from a thread of its own, so that a stage
works on while MLflow starts, and nothing that MLflow does or fails to do ever stops a stage.
"""

import logging
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline.config.schema import Tracking
from pipeline.config.trees import Tree
from pipeline.tracking.addresses import uri_to_record, why_silent
from pipeline.tracking.recording.client import Parcel, ProcessGoneError, RecordingError, Writer
from pipeline.tracking.recording.openings import ChildRun, NewRun, Opening, ReopenedRun, RunRequest

log = logging.getLogger(__name__)


class Recorder:
    """Writes to one MLflow run, in order, from a thread; or to none at all when switched off."""

    def __init__(
        self, settings: Tracking, opening: Opening, kind: type[Writer | Parcel] = Writer
    ) -> None:
        """Find or make the run, in the background, unless nothing is to be recorded."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._kind = kind
        self._writer: Writer | Parcel | None = None
        self._uri = ""
        self._run_id = uuid.uuid4().hex
        self._started: Future[None] | None = None
        if settings.enabled:
            self._started = self._thread.submit(self._start, settings, opening)

    def run_id(self) -> str:
        """Return the run's id, once known; an id of no run when nothing is recorded."""
        if self._started:
            self._started.result()
        return self._run_id

    def is_recording(self) -> bool:
        """Wait for what was recorded so far; say whether MLflow has not been given up on."""
        with suppress(RuntimeError):  # it is finished
            self._thread.submit(lambda: None).result()  # after all that came before
        return self._writer is not None

    def keep_run_id(self, path: Path) -> None:
        """Write the run's id to a file as soon as it is known, if a run is recorded at all."""
        if self._started:
            self._thread.submit(self._keep_run_id, path)

    def params(self, params: Tree) -> None:
        """Record a configuration as flat parameters; functions go by their bare names."""
        self._record("params", params)

    def metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Record numbers, all in one batch."""
        self._record("metrics", dict(metrics), step, time.time())

    def tags(self, tags: Mapping[str, str]) -> None:
        """Set tags on the run."""
        self._record("tags", dict(tags))

    def files(self, paths: Sequence[Path], folder: str) -> None:
        """Record files as artifacts in a folder of the run, those that it takes."""
        for path in paths:
            self._record("file", path.absolute(), folder)

    def text(self, text: str, name: str) -> None:
        """Record a text as an artifact, by its path within the run."""
        self._record("text", text, name)

    def table(self, columns: Mapping[str, Sequence[Any]], name: str) -> None:
        """Record a table, given by its columns, by its path within the run."""
        self._record("table", {key: list(values) for key, values in columns.items()}, name)

    def dataset(self, name: str, digest: str, source: str, pictures: Mapping[str, int]) -> None:
        """Record the data as the run's input and, by its digest, the run that prepared it."""
        self._record("dataset", name, digest, source, dict(pictures))

    def keras_model(
        self, path: Path, input_shape: tuple[int, ...], output_shape: tuple[int, ...]
    ) -> None:
        """Record a saved Keras model with the signature of its input and output, without batch."""
        self._record("keras_model", path.absolute(), input_shape, output_shape)

    def monitor(self) -> None:
        """Record from now on how busy the machine is and how full its memory."""
        self._record("monitor")

    def finish(self, status: str | None) -> None:
        """Wait until all is written; return the run its final status, or leave it as it is."""
        self._record("finish", status, time.time())
        self._thread.shutdown(wait=True)
        if self._writer:
            try:
                self._writer.close()
            except (RecordingError, OSError) as error:
                _warn("could not start", error)

    def _start(self, settings: Tracking, opening: Opening) -> None:
        try:
            self._uri = uri_to_record(settings)
            self._writer = self._kind(self._uri, settings, opening)
            self._run_id = self._writer.run_id
        except (RecordingError, OSError) as error:
            _warn("could not start", error)

    def _record(self, what: str, *arguments: Any) -> None:
        if self._started:
            self._thread.submit(self._write, what, *arguments)

    def _write(self, what: str, *arguments: Any) -> None:
        if self._writer is None:
            return
        try:
            self._writer.ask(what, *arguments)
        except (RecordingError, OSError) as error:
            # Each further call of a server that is gone would take MLflow's seconds of trying.
            if isinstance(error, ProcessGoneError) or why_silent(self._uri):
                self._writer = None
                _warn("stopped recording", error)
            else:
                _warn(f"did not take the {what.replace('_', ' ')}", error)

    def _keep_run_id(self, path: Path) -> None:
        if self._writer:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._run_id + "\n", encoding="utf-8")


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
    with _ended_with_the_block(Recorder(settings, NewRun(request, resume_run_id))) as recorder:
        yield recorder


@contextmanager
def run_written_later(settings: Tracking, request: RunRequest) -> Iterator[Recorder]:
    """Record a run of its own that is written as the block has ended, with no wait for MLflow.

    Its id is not known. The first stage of a pipeline would otherwise last as long as MLflow takes
    to start, which it does just as well beside the second.
    """
    with _ended_with_the_block(Recorder(settings, NewRun(request), Parcel)) as recorder:
        yield recorder


@contextmanager
def reopened_run(settings: Tracking, run_id: str | None, request: RunRequest) -> Iterator[Recorder]:
    """Add to a finished run, leaving its status and its duration alone.

    Where the run is gone (another database), one replacement tagged with the old id stands in.
    """
    recorder = Recorder(settings, ReopenedRun(run_id, request))
    try:
        yield recorder
    finally:
        recorder.finish(None)


@contextmanager
def child_run(
    settings: Tracking, parent_run_id: str | None, parent: RunRequest, child: RunRequest
) -> Iterator[Recorder]:
    """Record a run under another, for which a replacement is made when it is gone."""
    opening = ChildRun(parent_run_id, parent, child)
    with _ended_with_the_block(Recorder(settings, opening)) as recorder:
        yield recorder


@contextmanager
def _ended_with_the_block(recorder: Recorder) -> Iterator[Recorder]:
    status = "FAILED"
    try:
        yield recorder
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        recorder.finish(status)


def _warn(what: str, error: Exception) -> None:
    log.warning("MLflow %s (%s); the stage goes on", what, error)
