"""A stage's recorder: what MLflow does or fails to do never stops the stage."""

import errno
import os
import time

import pytest
from support.recording import SETTINGS, TRAIN, recorded_training

from pipeline.tracking.lookups import find_training
from pipeline.tracking.names import DATA_DIGEST_TAG, data_experiment
from pipeline.tracking.recording import journal as journal_module
from pipeline.tracking.recording import recorder as recorder_module
from pipeline.tracking.recording.learning import DatasetInput
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import new_run, run_written_later
from pipeline.tracking.recording.records import File, Metrics, Tags
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


def test_the_id_that_is_known_at_once_is_kept_in_a_file(client, tmp_path):
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.keep_key(tmp_path / "checkpoint" / "run_id.txt")
        kept = (tmp_path / "checkpoint" / "run_id.txt").read_text().strip()
    assert kept == recorder.key
    run = client.get_run(recorder.run_id())
    assert run.data.tags["run_key"] == kept
    assert find_training(client, kept).info.run_id == recorder.run_id()


def test_what_is_refused_costs_a_warning_and_the_rest_is_recorded(client, tmp_path, caplog):
    (tmp_path / "there.txt").write_text("a file")
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(Metrics({"": 1.0}), Metrics({"loss": 1.0}))
        assert recorder.is_recording()
        recorder.record(*File.each([tmp_path / "missing.txt", tmp_path / "there.txt"], "train"))
        assert not recorder.is_recording()
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


def test_a_run_written_later_is_there_before_the_next_is_written_to(client, tmp_path):
    chart = tmp_path / "chart.png"
    chart.write_bytes(b"a chart")
    request = RunRequest(data_experiment(SETTINGS), "later", {}, requested_at=1000.0)
    with run_written_later(SETTINGS, request) as prepare:
        prepare.record(Tags({DATA_DIGEST_TAG: "c" * 64}), *File.each([chart], "prepare"))
        ended = time.time()
    chart.unlink()
    with new_run(SETTINGS, TRAIN) as train:
        train.record(DatasetInput("mnist", "c" * 64, "data/prepared", {}))
    later = client.get_run(client.get_run(train.run_id()).data.tags["data_run_id"])
    assert (later.info.run_name, later.info.status) == ("later", "FINISHED")
    assert later.info.start_time == 1_000_000
    assert later.info.end_time == pytest.approx(1000 * ended, abs=500)
    (kept,) = client.list_artifacts(later.info.run_id, "prepare")
    assert kept.path == "prepare/chart.png"


def test_a_full_disk_costs_a_warning(monkeypatch, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with run_written_later(SETTINGS, TRAIN) as recorder:
        recorder.record(Metrics({"pictures": 1.0}))
    assert "No space left" in caplog.text
    assert len(caplog.records) == 1
    assert not recorder.is_recording()


def test_a_disk_that_fills_up_costs_one_warning(client, monkeypatch, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(Metrics({"loss": 3.0}, step=1))
        with monkeypatch.context() as patch:
            patch.setattr(journal_module.os, "write", full)
            recorder.record(Metrics({"loss": 2.0}, step=2), Metrics({"loss": 1.0}, step=3))
        recorder.record(Metrics({"loss": 0.5}, step=4))
    assert len(caplog.messages) == 1
    history = client.get_metric_history(recorder.run_id(), "loss")
    assert [each.step for each in history] == [1, 4]
    assert client.get_run(recorder.run_id()).info.status == "FINISHED"


def test_a_machine_that_cannot_be_measured_costs_a_warning(monkeypatch, caplog):
    monkeypatch.setattr(recorder_module.Usage, "now", lambda _: 1 / 0)
    monkeypatch.setattr(recorder_module, "SAMPLING_INTERVAL", 0.01)
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.monitor()
        time.sleep(0.1)
    assert caplog.messages == ["the use of the machine cannot be recorded (division by zero)"]


def test_a_monitored_run_tells_how_busy_the_machine_was(client, monkeypatch):
    monkeypatch.setattr(recorder_module, "SAMPLING_INTERVAL", 0.02)
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.monitor()
        time.sleep(0.2)
    metrics = client.get_run(recorder.run_id()).data.metrics
    assert metrics["system/system_memory_usage_percentage"] > 0
    assert "system/cpu_utilization_percentage" in metrics


def test_the_machine_is_measured_under_the_names_that_mlflow_gives():
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
    from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

    monitors = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
    for monitor in monitors:
        monitor.collect_metrics()
    names = {f"system/{name}" for monitor in monitors for name in monitor.metrics}
    assert recorder_module.Usage().now().keys() == names


def test_recording_leaves_the_environment_of_its_process_alone(monkeypatch):
    """It works in a thread, and a variable that is set while TensorFlow reads one ends it all."""
    for name in MLFLOW_DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    recorded_training()
    assert dict(os.environ) == before
