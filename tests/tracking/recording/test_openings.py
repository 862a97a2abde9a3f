"""Which run is written to: a new one, one that goes on, or a child of another."""

import pytest
from support.recording import LOST, PICTURES, SETTINGS, TRAIN, recorded_training

from pipeline.tracking.names import RUN_KEY_TAG
from pipeline.tracking.recording.openings import Opening, RunRequest
from pipeline.tracking.recording.recorder import child_run, new_run, reopened_run
from pipeline.tracking.recording.records import Metrics


def children(client, run_id):
    experiment = client.get_experiment_by_name("digits").experiment_id
    return client.search_runs([experiment], f"tags.mlflow.parentRunId = '{run_id}'")


def test_a_new_run_says_who_asked_for_it_and_when(client, monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "lucky-cat")
    request = RunRequest("digits", "mlp 8 · 1 epoch", {"stage": "train"}, requested_at=1000.0)
    with new_run(SETTINGS, request) as recorder:
        pass
    run = client.get_run(recorder.run_id())
    assert run.info.run_name == "mlp 8 · 1 epoch"
    assert run.info.start_time == 1_000_000
    assert run.data.tags["stage"] == "train"
    assert run.data.tags["dvc_experiment"] == "lucky-cat"
    assert run.data.tags["mlflow.source.name"].startswith("python -m ")


def test_an_interrupted_run_is_continued(client):
    with pytest.raises(KeyboardInterrupt), new_run(SETTINGS, TRAIN) as first:
        raise KeyboardInterrupt
    with new_run(SETTINGS, TRAIN, resume_run_id=first.run_id()) as second:
        assert client.get_run(second.run_id()).info.status == "RUNNING"
    assert second.run_id() == first.run_id()
    assert client.get_run(first.run_id()).info.status == "FINISHED"


def test_an_interrupted_run_that_was_deleted_is_begun_anew(client):
    deleted = recorded_training()
    client.delete_run(deleted)
    with new_run(SETTINGS, TRAIN, resume_run_id=deleted) as recorder:
        pass
    assert recorder.run_id() != deleted
    assert client.get_run(recorder.run_id()).info.status == "FINISHED"


def test_reopening_leaves_status_and_duration_alone(client):
    run_id = recorded_training()
    before = client.get_run(run_id).info
    with reopened_run(SETTINGS, run_id, LOST) as recorder:
        recorder.record(Metrics({"test_accuracy": 0.98}))
    after = client.get_run(run_id)
    assert recorder.run_id() == run_id
    assert (after.info.status, after.info.end_time) == (before.status, before.end_time)
    assert after.data.metrics["test_accuracy"] == 0.98


def test_a_lost_run_gets_one_replacement(client, caplog):
    replacements = set()
    for _ in range(2):
        with reopened_run(SETTINGS, "0" * 32, LOST) as recorder:
            recorder.record(Metrics({"test_accuracy": 0.5}))
        replacements.add(recorder.run_id())
    with child_run(SETTINGS, "0" * 32, LOST, PICTURES) as child:
        pass
    (replacement,) = replacements
    assert client.get_run(replacement).data.tags["replaces_run_id"] == "0" * 32
    assert client.get_run(replacement).info.status == "FINISHED"
    assert [run.info.run_id for run in children(client, replacement)] == [child.run_id()]
    assert caplog.text.count("in a new run instead") == 1


def test_predictions_are_children_even_where_a_run_id_is_in_the_environment(client, monkeypatch):
    run_id = recorded_training()
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    ids = set()
    for _ in range(2):
        with child_run(SETTINGS, run_id, LOST, PICTURES) as recorder:
            recorder.record(Metrics({"custom_accuracy": 1.0}))
        ids.add(recorder.run_id())
    assert {run.info.run_id for run in children(client, run_id)} == ids
    assert run_id not in ids


def test_a_copy_that_one_may_not_delete_stays_and_is_told_of(client, monkeypatch, caplog):
    """On a server one may record in an experiment of others, but delete nothing there."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    key = "d" * 32
    kept, copy = (client.create_run("0", tags={RUN_KEY_TAG: key}).info.run_id for _ in range(2))

    def refuse(run_id):
        raise MlflowException(f"no right to delete {run_id}", PERMISSION_DENIED)

    monkeypatch.setattr(client, "delete_run", refuse)
    Opening(key, TRAIN).delete_copies(client, kept)
    assert f"run {copy} is a copy of {kept}: the server does not allow this" in caplog.text
