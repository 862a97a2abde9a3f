"""Whether a store holds a run is seen without MLflow."""

import shutil
import sqlite3

import pytest
from support.recording import SETTINGS, TRAIN

from pipeline.config.places import home
from pipeline.tracking.lookups import active_run_id
from pipeline.tracking.names import CONFIG_ARTIFACT, RUN_KEY_TAG
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.records import Text
from pipeline.tracking.run_ids import recorded_as

LOST = "3" * 32


@pytest.fixture
def run_id():
    """Return the id of a run with an artifact."""
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(Text("seed: 1", CONFIG_ARTIFACT))
        return recorder.run_id()


def test_a_recorded_run_is_found_and_another_is_not(run_id):
    assert recorded_as(SETTINGS, run_id) == run_id
    assert recorded_as(SETTINGS, LOST) is None


def test_a_run_whose_artifacts_were_deleted_is_none(run_id, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(home(), elsewhere)
    shutil.rmtree(home() / "mlartifacts")
    assert recorded_as(SETTINGS, run_id) is None
    monkeypatch.setenv("DVC_ROOT", str(elsewhere))
    assert recorded_as(SETTINGS, run_id) == run_id, "a store that was moved"


@pytest.mark.parametrize("address", ["sqlite:///none.db", "sqlite:////nowhere/none.db?mode=ro"])
def test_a_store_that_is_not_there_holds_none(monkeypatch, address):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert recorded_as(SETTINGS, LOST) is None


def test_a_server_is_taken_to_hold_its_own(silent_server):
    assert recorded_as(SETTINGS, LOST) == LOST


def test_a_file_that_is_no_store_is_left_to_whoever_records(monkeypatch, tmp_path):
    sqlite3.connect(tmp_path / "other.db").close()
    (tmp_path / "other.db").write_text("no database")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'other.db'}")
    assert recorded_as(SETTINGS, LOST) == LOST


def test_a_run_that_a_server_calls_forbidden_is_looked_for_by_our_id(client, monkeypatch):
    """With passwords it says so of any missing run, such as one that is named by our id."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    key, get_run = "7" * 32, client.get_run
    ours = client.create_run("0", tags={RUN_KEY_TAG: key}).info.run_id

    def guarded(run_id):
        if run_id == key:
            raise MlflowException("Permission denied", PERMISSION_DENIED)
        return get_run(run_id)

    monkeypatch.setattr(client, "get_run", guarded)
    assert active_run_id(client, key) == ours
    assert active_run_id(client, ours) == ours
