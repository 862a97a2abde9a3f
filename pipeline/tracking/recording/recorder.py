"""Record a run from a stage: parameters, curves, files, models.

A `Recorder` sends records to the recorder process from its own thread, so a stage keeps working
while MLflow starts. No failure of MLflow ever stops a stage.
"""

import logging
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.config.schema import Tracking
from pipeline.tracking.addresses import unreachable_reason, uri_to_record
from pipeline.tracking.recording.channel import ProcessGoneError, RecordingError
from pipeline.tracking.recording.client import DeferredSender, LiveSender, Sender
from pipeline.tracking.recording.messages import Open
from pipeline.tracking.recording.openings import ChildRun, NewRun, Opening, ReopenedRun, RunRequest
from pipeline.tracking.recording.records import Finish, Record
from pipeline.tracking.store import LOCKED

log = logging.getLogger(__name__)


class Recorder:
    """Records to one MLflow run, in order, from a thread; or nowhere if tracking is off."""

    def __init__(
        self, settings: Tracking, opening: Opening, sender: type[Sender] = LiveSender
    ) -> None:
        """Find or make the run, in the background, unless tracking is off.

        Args:
            settings: Whether and where to record it.
            opening: How to find or create the run.
            sender: How records reach the recorder process.
        """
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._sender: Sender | None = None
        self._uri = ""
        self._run_id = uuid.uuid4().hex
        self._started: Future[None] | None = None
        if settings.enabled:
            self._started = self._thread.submit(self._start, settings, opening, sender)

    def record(self, *records: Record) -> None:
        """Write records in the background, in this order. One that is rejected causes a warning."""
        if self._started:
            for record in records:
                self._thread.submit(self._send, record)

    def run_id(self) -> str:
        """Wait until the run is open and return its id; a made-up id if tracking is off."""
        if self._started:
            self._started.result()
        return self._run_id

    def is_recording(self) -> bool:
        """Wait until all records so far are written; return whether MLflow still accepts them."""
        with suppress(RuntimeError):  # already finished
            self._thread.submit(lambda: None).result()  # after all earlier records
        return self._sender is not None

    def keep_run_id(self, path: Path) -> None:
        """Write the run's id to a file as soon as it is known, if a run is recorded at all."""
        if self._started:
            self._thread.submit(self._keep_run_id, path)

    def finish(self, status: str | None) -> None:
        """Wait until all is written and end the run.

        Args:
            status: MLflow's word for how it ended; None leaves the run's status unchanged.
        """
        self.record(Finish(status))
        self._thread.shutdown(wait=True)
        if self._sender:
            try:
                self._sender.close()
            except (RecordingError, OSError) as error:
                _warn("could not start", error)

    def _start(self, settings: Tracking, opening: Opening, sender: type[Sender]) -> None:
        try:
            self._uri = uri_to_record(settings)
            self._sender = sender(Open(self._uri, settings, opening))
            self._run_id = self._sender.run_id
        except (RecordingError, OSError) as error:
            _warn("could not start", error)

    def _send(self, record: Record) -> None:
        if self._sender is None:
            return
        try:
            self._sender.send(record)
        except (RecordingError, OSError) as error:
            # If the store is gone, MLflow would spend seconds trying to write each further record.
            gone = isinstance(error, ProcessGoneError) or LOCKED in str(error)
            if gone or unreachable_reason(self._uri):
                self._sender = None
                _warn("stopped recording", error)
            else:
                _warn(f"could not record the {record.label}", error)

    def _keep_run_id(self, path: Path) -> None:
        if self._sender:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._run_id + "\n", encoding="utf-8")


@contextmanager
def new_run(
    settings: Tracking, request: RunRequest, resume_run_id: str | None = None
) -> Iterator[Recorder]:
    """Record a new run, which ends with the block: finished, failed or killed.

    Args:
        settings: Whether and where to record it.
        request: What the run is called and belongs to.
        resume_run_id: An interrupted run to continue instead, if it still exists.
    """
    with _ended_with_the_block(Recorder(settings, NewRun(request, resume_run_id))) as recorder:
        yield recorder


@contextmanager
def run_written_later(settings: Tracking, request: RunRequest) -> Iterator[Recorder]:
    """Record a new run that is written after the block has ended, without waiting for MLflow.

    Its id is not known. This is for the first stage of a pipeline: it need not wait for MLflow to
    start, since MLflow can do so while the second stage runs.
    """
    with _ended_with_the_block(Recorder(settings, NewRun(request), DeferredSender)) as recorder:
        yield recorder


@contextmanager
def reopened_run(settings: Tracking, run_id: str | None, request: RunRequest) -> Iterator[Recorder]:
    """Add to a finished run without changing its status and duration.

    If the run is gone (another database), one replacement is created, tagged with the old id.
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
    """Record a child run. If its parent is gone, a replacement for the parent is created."""
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
    log.warning("MLflow %s (%s); the stage continues", what, error)
