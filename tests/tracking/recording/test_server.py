"""The recorder process: what it does when stages, stores and servers vanish or stop."""

import logging
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid

import pytest
from support.projects import wait_for
from support.recording import SETTINGS, TRAIN, recorded_training

from pipeline.system.errors import InputError
from pipeline.tracking import addresses
from pipeline.tracking.recording import journal as journal_module
from pipeline.tracking.recording import notices, server, starting
from pipeline.tracking.recording.journal import (
    Header,
    Journal,
    journals,
    note_taken,
    store_folder,
)
from pipeline.tracking.recording.openings import Opening, RunRequest
from pipeline.tracking.recording.records import Finish, Metrics

URI = "http://127.0.0.1:9"
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
    wait_for(lambda: client.get_run(run_id).info.status == "KILLED", seconds=120)


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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(journal_module, "FOLDER", str(tmp_path))
    folder = store_folder(URI)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def write(folder):
    """Return a function that writes a journal and returns its run's id."""

    def write(name, code=None, parent_run_id=None, run_id=None):
        request = RunRequest("digits", name, {}, parent_run_id)
        opening = Opening(run_id or uuid.uuid4().hex, request)
        journal = Journal(Header(URI, SETTINGS, opening, code or server.code_digest()))
        journal.append(Metrics({"loss": 1.0}))
        journal.append(Finish("FINISHED"))
        journal.end()
        journal.close()
        return opening.run_id

    return write


class Store:
    """Takes the place of the deliveries, and refuses those of some runs."""

    def __init__(self):
        self.delivered, self.refused, self.error = [], set(), OSError("reset by peer")

    def advance(self, delivery, *_):
        name = delivery.header.opening.request.name
        if name in self.refused:
            raise self.error
        self.delivered.append(name)
        delivery.end += 1
        delivery.path.unlink()
        return True


@pytest.fixture
def taken(monkeypatch):
    """Return what MLflow has taken, and refuses."""
    taken = Store()
    monkeypatch.setattr(server.Delivery, "advance", lambda *given: taken.advance(*given))
    monkeypatch.setattr(server, "unreachable_reason", lambda _: None)
    return taken


@pytest.fixture
def process(folder):
    """Return a server, in this process."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
    yield server.Server(folder, lock)
    os.close(lock)


def test_runs_are_delivered_in_the_order_in_which_they_were_begun(process, write, taken):
    for name in ("prepare", "train", "evaluate"):
        write(name)
    assert process._deliver() is None
    assert taken.delivered == ["prepare", "train", "evaluate"]


def test_a_run_that_fails_holds_up_what_belongs_to_it_alone(process, folder, write, taken):
    parent = write("parent")
    (path,) = journals(folder)
    note_taken(path, f"run {'b' * 32}")
    write("child", parent_run_id=parent)
    write("addition", run_id="b" * 32)
    write("other")
    taken.refused = {"parent"}
    assert "reset by peer" in str(process._deliver())
    assert taken.delivered == ["other"]
    taken.refused = set()
    assert process._deliver() is None
    assert taken.delivered == ["other", "parent", "child", "addition"]


def test_a_silent_server_is_told_at_once_and_asked_again(
    process, folder, write, taken, monkeypatch
):
    write("train")
    monkeypatch.setattr(server, "unreachable_reason", lambda _: "connection refused")
    process._judge(process._deliver())
    assert notices.failing(folder) == (
        f"the MLflow server at {URI} does not answer (connection refused)"
    )
    assert taken.delivered == []
    assert process._pause > server.POLL_INTERVAL
    monkeypatch.setattr(server, "unreachable_reason", lambda _: None)
    process._judge(process._deliver())
    assert notices.failing(folder) is None
    assert taken.delivered == ["train"]


def test_a_server_that_is_busy_for_a_moment_is_not_told(process, folder, write, taken, monkeypatch):
    write("train")
    taken.refused = {"train"}
    taken.error = OSError("database is locked")
    process._judge(process._deliver())
    assert notices.failing(folder) is None
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + server.LENIENT_SECONDS + 1)
    process._judge(process._deliver())
    assert "database is locked" in notices.failing(folder)


def test_what_is_forbidden_is_told_at_once_and_holds_up_nothing_else(process, folder, write, taken):
    from mlflow import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    write("secret")
    write("other")
    taken.refused = {"secret"}
    taken.error = MlflowException("Permission denied", PERMISSION_DENIED)
    process._judge(process._deliver())
    assert taken.delivered == ["other"]
    assert notices.failing(folder).startswith(f"{URI}: the server does not allow this to ")


def test_a_command_that_clears_the_failure_is_heard(process, folder, monkeypatch):
    process._judge(InputError("no answer"))
    process._pause = 3600.0
    rests = []

    def rest(_):
        rests.append(1)
        if len(rests) == 3:
            notices.clear_failing(folder)

    monkeypatch.setattr(time, "sleep", rest)
    process._rest()
    assert len(rests) == 3


def test_a_stopped_server_does_not_answer(monkeypatch):
    """Its kernel still accepts connections."""
    monkeypatch.setattr(addresses, "SERVER_TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as stopped:
        uri = f"http://127.0.0.1:{stopped.getsockname()[1]}"
        assert server.silence(uri) == f"the MLflow server at {uri} does not answer (timed out)"


def test_a_stage_with_other_code_ends_it(process, write):
    process._started = 0
    write("ours")
    assert not process._is_outdated()
    write("theirs", code="another")
    assert process._is_outdated()


def test_a_command_with_another_password_has_its_own_process_deliver(folder, monkeypatch, write):
    """As after a wrong password: `pipeline.sync` with the right one must not wait in vain."""
    write("one")
    began = server.Server(folder, 0)
    starting.ask_for_delivery(folder)
    assert not began._is_outdated()
    monkeypatch.setattr(starting, "code_digest", lambda: "of another password")
    notices.mark_failing(folder, "refused")
    starting.ask_for_delivery(folder)
    assert began._is_outdated()
    assert notices.failing(folder) is None
    assert not server.Server(folder, 0)._is_outdated()


def test_an_older_journal_of_other_code_is_delivered(process, write, taken):
    write("theirs", code="another")
    process._started = time.time_ns()
    assert not process._is_outdated()
    process._deliver()
    assert taken.delivered == ["theirs"]


@pytest.mark.parametrize("failing", [False, True])
def test_it_ends_after_a_while(process, write, taken, monkeypatch, failing):
    if failing:
        write("train")
        taken.refused = {"train"}
    process._judge(process._deliver())
    assert process._is_needed()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + server.GIVE_UP_SECONDS + 1)
    assert not process._is_needed()


def test_it_stays_while_a_stage_records(process, folder, taken, monkeypatch):
    journal = Journal(Header(URI, SETTINGS, Opening("a" * 32, TRAIN), server.code_digest()))
    process._judge(OSError("reset by peer"))
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + server.GIVE_UP_SECONDS + 1)
    assert process._is_needed()
    journal.close()


def test_a_journal_that_cannot_be_read_is_kept_aside(process, folder, write, caplog, taken):
    write("train")
    (path,) = journals(folder)
    path.write_bytes(path.read_bytes()[5:])
    write("evaluate")
    assert process._deliver() is None
    assert taken.delivered == ["evaluate"]
    assert "its first line is damaged" in caplog.text
    assert path.with_suffix(".damaged").exists()


def test_what_ends_it_is_told(folder, monkeypatch):
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)  # put back afterwards
    monkeypatch.setattr(server, "Notes", lambda _: logging.NullHandler())
    monkeypatch.setattr(server.Server, "serve", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        server.main(folder, 0)
    assert "the recorder process failed (ZeroDivisionError" in notices.failing(folder)
