"""Record a run from a stage: parameters, curves, files, models.

A `Recorder` writes records to a journal, and the recorder process delivers them to MLflow. So no
failure of MLflow stops a stage, and none loses a record.
"""

import logging
import math
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

from pipeline.config.schema import Tracking
from pipeline.system.errors import in_one_line
from pipeline.system.files import DISK_FULL, write_text
from pipeline.tracking.addresses import uri_to_record
from pipeline.tracking.recording import notices
from pipeline.tracking.recording.journal import Header, Journal, UnusableError
from pipeline.tracking.recording.openings import Opening, RunRequest
from pipeline.tracking.recording.records import Finish, Metrics, Record
from pipeline.tracking.recording.starting import (
    code_digest,
    deliver,
    look_after,
    wait_for_server,
)

log = logging.getLogger(__name__)

SAMPLING_INTERVAL = 3.0
"""Seconds between two samples of processor and memory use."""
LOOK_INTERVAL = 1.0
"""Seconds between two looks at how the recorder process fares."""


class Usage:
    """Use of the machine, under the names by which MLflow's pages know it."""

    def __init__(self) -> None:
        """Begin to measure."""
        import psutil

        self._psutil = psutil
        self._before = psutil.net_io_counters()
        psutil.cpu_percent()  # each call measures since the last

    def now(self) -> dict[str, float]:
        """Return how busy the processor is, and how much is in use or was sent."""
        memory, disk = self._psutil.virtual_memory(), self._psutil.disk_usage("/")
        network = self._psutil.net_io_counters()
        sent = network.bytes_sent - self._before.bytes_sent
        received = network.bytes_recv - self._before.bytes_recv
        return {
            "system/cpu_utilization_percentage": self._psutil.cpu_percent(),
            "system/system_memory_usage_megabytes": round(memory.used / 1e6, 1),
            "system/system_memory_usage_percentage": round(100 * memory.used / memory.total, 1),
            "system/disk_usage_percentage": disk.percent,
            "system/disk_usage_megabytes": round(disk.used / 1e6, 1),
            "system/disk_available_megabytes": round(disk.free / 1e6, 1),
            "system/network_receive_megabytes": received / 1e6,
            "system/network_transmit_megabytes": sent / 1e6,
        }


class Recorder:
    """Records to one MLflow run, in order; or nowhere if tracking is off.

    Attributes:
        key: The run's id that is known at once: our own, which is kept as a tag, or MLflow's.
    """

    def __init__(self, settings: Tracking, opening: Opening) -> None:
        """Begin a journal, unless tracking is off.

        Args:
            settings: Whether and where to record.
            opening: Which run to write to.
        """
        self.key = opening.run_id
        self._is_whole = False
        self._looked = 0.0
        self._journal: Journal | None = None
        self._run_id: str | None = None
        self._ended = threading.Event()
        self._monitor: threading.Thread | None = None
        if settings.enabled:
            header = Header(uri_to_record(settings), settings, opening, code_digest())
            try:
                self._journal = Journal(header)
                self._is_whole = True
                notices.clear_failing(self._journal.folder)
            except OSError as error:
                _warn("could not start", error)
        self._look()

    def record(self, *records: Record) -> None:
        """Record something, in this order. What cannot be kept causes a warning."""
        if self._journal:
            for record in records:
                self._append(self._journal, record)
            self._look()

    def monitor(self) -> None:
        """Record processor and memory use until the run ends."""
        if self._journal:
            self._monitor = threading.Thread(target=self._sample, daemon=True)
            self._monitor.start()

    def run_id(self) -> str:
        """Return MLflow's id of the run; `key` if MLflow does not answer, or tracking is off."""
        if journal := self._journal:
            wait_for_server(journal.folder, lambda: journal.taken().run_id is not None)
            return journal.taken().run_id or self.key
        return self._run_id or self.key

    def is_recording(self) -> bool:
        """Return whether everything so far is recorded, or will be."""
        return self._is_whole

    def keep_key(self, path: Path) -> None:
        """Write the run's id to a file, if a run is recorded at all."""
        if self._journal:
            write_text(path, self.key + "\n")

    def finish(self, status: str | None, *, wait: bool = True) -> None:
        """End the run.

        Args:
            status: MLflow's word for how it ended; None leaves the run's status unchanged.
            wait: Whether to wait until MLflow has it all, or is known not to answer.
        """
        self._ended.set()
        if self._monitor:
            self._monitor.join()
        if journal := self._journal:
            self._append(journal, Finish(status))
            journal.end()
            if wait:
                deliver(journal.folder)
            else:
                look_after(journal.folder)
            self._run_id = journal.taken().run_id
            journal.close()
            self._journal = None

    def _append(self, journal: Journal, record: Record) -> None:
        try:
            journal.append(record)
        except (OSError, UnusableError) as error:
            if self._is_whole or getattr(error, "errno", None) not in DISK_FULL:  # said once
                _warn(f"could not record the {record.label}", error)
            self._is_whole = False

    def _look(self) -> None:
        """See to it that the recorder process runs, and log what it has to say."""
        now = time.monotonic()
        if self._journal and now > self._looked + LOOK_INTERVAL:
            self._looked = now if look_after(self._journal.folder) else math.inf

    def _sample(self) -> None:
        try:
            usage, steps = Usage(), count()
            while not self._ended.wait(SAMPLING_INTERVAL):
                self.record(Metrics(usage.now(), step=next(steps)))
        except Exception as error:  # some containers hide the machine
            log.warning("the use of the machine cannot be recorded (%s)", in_one_line(error))


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
    opening = Opening(uuid.uuid4().hex, request)
    if resume_run_id:
        opening = Opening(resume_run_id, request, kind="resumed")
    with _ended_with_the_block(Recorder(settings, opening)) as recorder:
        yield recorder


@contextmanager
def run_written_later(settings: Tracking, request: RunRequest) -> Iterator[Recorder]:
    """Record a new run without waiting for MLflow, which can start while the next stage runs."""
    opening = Opening(uuid.uuid4().hex, request)
    with _ended_with_the_block(Recorder(settings, opening), wait=False) as recorder:
        yield recorder


@contextmanager
def reopened_run(settings: Tracking, run_id: str | None, request: RunRequest) -> Iterator[Recorder]:
    """Add to a finished run without changing its status and duration.

    If the run is gone (another database), one replacement is created, tagged with the old id.
    """
    recorder = Recorder(settings, Opening(run_id or "unknown", request, kind="reopened"))
    try:
        yield recorder
    finally:
        recorder.finish(None)


@contextmanager
def child_run(
    settings: Tracking, parent_run_id: str | None, parent: RunRequest, child: RunRequest
) -> Iterator[Recorder]:
    """Record a child run. If its parent is gone, a replacement for the parent is created."""
    request = replace(child, parent_run_id=parent_run_id)
    opening = Opening(uuid.uuid4().hex, request, parent)
    with _ended_with_the_block(Recorder(settings, opening)) as recorder:
        yield recorder


@contextmanager
def _ended_with_the_block(recorder: Recorder, *, wait: bool = True) -> Iterator[Recorder]:
    status = "FAILED"
    try:
        yield recorder
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        recorder.finish(status, wait=wait)


def _warn(what: str, error: Exception) -> None:
    log.warning("MLflow %s (%s); the stage continues", what, in_one_line(error))
