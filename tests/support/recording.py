"""Runs for tests to record and read back."""

import os

from pipeline.config.schema import Tracking
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.records import Metrics

SETTINGS = Tracking(enabled=True, uri=None, experiment="digits")
TRAIN = RunRequest("digits", "mlp 8 · 1 epoch", {"stage": "train"})
LOST = RunRequest("digits", "replacement of a lost run", {})
EXAMPLE = [[0] * 28] * 28  # a picture
PICTURES = RunRequest("digits", "pictures in custom", {})


def recorded_training():
    """Record a small training; return the id of its run."""
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(Metrics({"loss": 0.5}, step=1))
        return recorder.run_id()


def recorders():
    """Return the ids of the recorder processes of this test's store."""
    import psutil

    return {
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if "pipeline.tracking.recording.server" in (process.info["cmdline"] or [])
        and process.environ().get("DVC_ROOT") == os.environ["DVC_ROOT"]
    }
