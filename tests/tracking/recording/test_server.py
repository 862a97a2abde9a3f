"""The recorder process, whose stages and stores may vanish."""

import os
import shutil
import signal
import subprocess
import sys
import time
from multiprocessing import Pipe

import pytest
from support.projects import wait_for
from support.recording import SETTINGS, TRAIN, recorded_training, recorders

from pipeline.tracking.recording.messages import Answer
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.records import Metrics
from pipeline.tracking.recording.server import WAITING, Server

KILLED = """
import os
from pipeline.tracking.recording.recorder import new_run
from support.recording import SETTINGS, TRAIN
with new_run(SETTINGS, TRAIN) as recorder:
    print(recorder.run_id(), flush=True)
    os.kill(os.getpid(), 9)
"""


def test_the_run_of_a_killed_stage_ends_as_killed(client):
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    run_id = done.stdout.strip()
    wait_for(lambda: client.get_run(run_id).info.status == "KILLED", seconds=20)


def test_a_recorder_process_that_is_gone_stops_recording_only(caplog):
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.run_id()
        (process,) = recorders()
        os.kill(process, signal.SIGKILL)
        recorder.record(Metrics({"loss": 1.0}), Metrics({"loss": 2.0}))
    assert caplog.text.count("stopped recording") == 1


def test_a_new_store_in_the_place_of_a_removed_one_is_written_to(store, tmp_path, monkeypatch):
    from mlflow import MlflowClient

    recorded_training()
    shutil.copy(store / "mlflow.db", tmp_path / "mlflow.db")  # making one anew takes seconds
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    recorded_training()
    (tmp_path / "mlflow.db").unlink()
    run_id = recorded_training()
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert client.get_run(run_id).info.status == "FINISHED"


def test_a_database_that_another_program_holds_is_waited_for(tmp_path, monkeypatch):
    """MLflow itself gives up after a while."""
    server, (stage, answers) = Server(tmp_path / "socket"), Pipe()
    monkeypatch.setattr(time, "sleep", lambda _: None)
    tries = iter([OSError("database is locked"), OSError("database is locked"), None])

    def write():
        if error := next(tries):
            raise error
        return "written"

    assert server._once_unlocked(write, stage) == "written"
    assert answers.recv() == Answer(warnings=(WAITING,), is_final=False)
    assert not answers.poll()


def test_a_database_that_stays_locked_is_waited_for_once(tmp_path, monkeypatch):
    server, now = Server(tmp_path / "socket"), iter(range(0, 10_000, 50))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    counts = []
    for _ in range(2):
        tries = []

        def write(tries=tries):
            tries.append(1)
            raise OSError("database is locked")

        with pytest.raises(OSError, match="locked"):
            server._once_unlocked(write, None)
        counts.append(len(tries))
    assert counts == [3, 1]
