"""A stage's recorder: what MLflow does or fails to do never stops the stage."""

import os

import pytest
from support.recording import SETTINGS, TRAIN, recorded_training

from pipeline.tracking.recording import recorder as recorder_module
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.records import File, Metrics
from pipeline.tracking.store import MLFLOW_DEFAULTS


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_a_run_that_ends_badly_says_so(client, error, status):
    with pytest.raises(error), new_run(SETTINGS, TRAIN) as recorder:
        raise error
    assert client.get_run(recorder.run_id()).info.status == status


def test_a_run_that_ends_well_says_so(client):
    assert client.get_run(recorded_training()).info.status == "FINISHED"


def test_nothing_is_recorded_or_made_when_switched_off(store):
    before = sorted(store.iterdir())
    off = SETTINGS.model_copy(update={"enabled": False})
    with new_run(off, TRAIN) as recorder:
        recorder.record(Metrics({"loss": 1.0}))
        assert len(recorder.run_id()) == 32
        assert not recorder.is_recording()
    assert sorted(store.iterdir()) == before


def test_the_id_of_a_run_is_kept_in_a_file(tmp_path):
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.keep_run_id(tmp_path / "checkpoint" / "run_id.txt")
    written = (tmp_path / "checkpoint" / "run_id.txt").read_text()
    assert written == recorder.run_id() + "\n"


def test_what_is_refused_costs_a_warning_and_the_rest_is_recorded(client, tmp_path, caplog):
    (tmp_path / "there.txt").write_text("a file")
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(*File.each([tmp_path / "missing.txt", tmp_path / "there.txt"], "train"))
        recorder.record(Metrics({"": 1.0}), Metrics({"loss": 1.0}))
        assert recorder.is_recording()
    run = client.get_run(recorder.run_id())
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"loss": 1.0}
    (kept,) = client.list_artifacts(recorder.run_id(), "train")
    assert kept.path == "train/there.txt"
    warnings = [record.getMessage() for record in caplog.records]
    assert [line.partition(" (")[0] for line in warnings] == [
        "MLflow could not record the file", "MLflow could not record the metrics"
    ]  # fmt: skip
    assert "missing.txt" in warnings[0]
    assert not any("\n" in line for line in warnings)


def test_a_server_that_falls_silent_stops_recording_only(monkeypatch, caplog):
    monkeypatch.setattr(recorder_module, "unreachable_reason", lambda _: "connection refused")
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(Metrics({"": 1.0}), Metrics({"": 1.0}))
        assert not recorder.is_recording()
    assert [record.getMessage().partition(" (")[0] for record in caplog.records] == [
        "MLflow stopped recording"
    ]


def test_recording_leaves_the_environment_of_its_process_alone(monkeypatch):
    """It works in a thread, and a variable that is set while TensorFlow reads one ends it all."""
    for name in MLFLOW_DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    recorded_training()
    assert dict(os.environ) == before
