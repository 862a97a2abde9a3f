"""The sender that hands a run over as a whole, when its stage has ended."""

import errno
import os
import time

import pytest
from support.recording import SETTINGS, TRAIN, recorded_training

from pipeline.tracking.names import DATA_DIGEST_TAG, data_experiment
from pipeline.tracking.recording import client as client_module
from pipeline.tracking.recording.learning import DatasetInput
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import new_run, run_written_later
from pipeline.tracking.recording.records import File, Metrics, Tags


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


def test_what_went_wrong_later_is_reported_by_the_next_stage(client, caplog):
    with run_written_later(SETTINGS, RunRequest("digits", "broken", {})) as recorder:
        recorder.record(Metrics({"": 1.0}), Metrics({"pictures": 10}))
    assert "earlier stage" not in caplog.text
    recorded_training()
    assert caplog.text.count("could not record the metrics of an earlier stage") == 1
    experiment = client.get_experiment_by_name("digits").experiment_id
    (broken,) = client.search_runs([experiment], "attributes.run_name = 'broken'")
    assert broken.data.metrics == {"pictures": 10}
    assert broken.info.status == "FINISHED"


def test_a_full_disk_at_the_end_of_a_stage_costs_a_warning(monkeypatch, caplog):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(client_module, "open_connection", full)
    with run_written_later(SETTINGS, RunRequest("data", "prepared", {})) as recorder:
        recorder.record(Metrics({"pictures": 1.0}))
    assert "No space left" in caplog.text
