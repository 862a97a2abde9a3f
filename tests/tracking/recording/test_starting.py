"""The recorder process is started when it is needed, and waited for while it gets on."""

import os
import shutil
import signal

import pytest
from support.projects import wait_for
from support.recording import SETTINGS, TRAIN, recorded_training, recorders

from pipeline.config.places import ROOT
from pipeline.tracking.addresses import local_store
from pipeline.tracking.recording import notices, starting
from pipeline.tracking.recording.journal import store_folder
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.records import Metrics


@pytest.fixture
def digest():
    """Return a function that computes the digest anew."""

    def digest():
        starting.code_digest.cache_clear()
        return starting.code_digest()

    yield digest
    starting.code_digest.cache_clear()


def test_stages_share_one_recorder_process():
    recorded_training()
    before = recorders()
    recorded_training()
    assert recorders() == before
    assert len(before) == 1


def test_two_that_start_one_at_once_start_one():
    recorded_training()
    for process in (before := recorders()):
        os.kill(process, signal.SIGKILL)
    folder = store_folder(local_store())

    def is_started():
        starting.ensure_server(folder)
        return recorders() - before

    wait_for(is_started, seconds=120, every=0.01)
    assert len(recorders()) == 1


def test_a_recorder_process_that_is_killed_costs_nothing(client, caplog):
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.run_id()
        (process,) = recorders()
        os.kill(process, signal.SIGKILL)
        recorder.record(Metrics({"loss": 1.0}, step=1), Metrics({"loss": 2.0}, step=2))
    assert caplog.text == ""
    run = client.get_run(recorder.run_id())
    assert run.info.status == "FINISHED"
    assert len(client.get_metric_history(run.info.run_id, "loss")) == 2


@pytest.mark.parametrize(
    "file", ["tracking/page.py", "tracking/recording/server.py", "config/schema.py",
             "system/errors.py"],
)  # fmt: skip
def test_changed_code_gets_a_recorder_process_of_its_own(file, digest, tmp_path, monkeypatch):
    shutil.copytree(ROOT / "pipeline", tmp_path / "pipeline")
    monkeypatch.setattr(starting, "ROOT", tmp_path)
    before = digest()
    with (tmp_path / "pipeline" / file).open("a") as code:
        code.write("# changed\n")
    assert digest() != before


def test_another_setting_gets_a_recorder_process_of_its_own(digest, monkeypatch):
    before = digest()
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)  # of the run, and so no setting
    assert digest() == before
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    assert digest() != before


def test_a_store_that_fails_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(starting, "ensure_server", lambda _: None)
    notices.mark_failing(tmp_path, "it does not answer")
    assert not starting.wait_for_server(tmp_path, lambda: False)


def test_a_recorder_process_that_halts_is_waited_for_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(starting, "ensure_server", lambda _: None)
    monkeypatch.setattr(starting, "PATIENCE", 0.05)
    assert not starting.wait_for_server(tmp_path, lambda: False)


def test_a_recorder_process_that_cannot_start_costs_a_warning(tmp_path, monkeypatch, caplog):
    (tmp_path / "1-1.jsonl").touch()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(starting, "ensure_server", full)
    assert not starting.wait_for_server(tmp_path, lambda: False)
    assert "No space left" in caplog.text
