"""What was deleted in the local store goes for good; what a registered model needs stays."""

import shutil

import pytest
from support.recording import SETTINGS, TRAIN

from pipeline.tracking.addresses import local_store
from pipeline.tracking.cleaning.known import KnownRuns
from pipeline.tracking.cleaning.local import (
    folders_of_deleted,
    forget,
    read_rows,
    stray_folders,
)
from pipeline.tracking.names import REPLACES_TAG, RUN_KEY_TAG
from pipeline.tracking.recording.journal import Header, Journal
from pipeline.tracking.recording.openings import Opening
from pipeline.tracking.store import open_store

HARD_DELETES = ("_hard_delete_run", "_hard_delete_logged_model", "_hard_delete_experiment")


@pytest.fixture
def client(tmp_path, monkeypatch, store):
    """Return a client of a store of this test's own: a copy of an empty one, made in seconds."""
    monkeypatch.setenv("DVC_ROOT", str(store))
    open_store(local_store(), SETTINGS)
    shutil.copy(store / "mlflow.db", tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return open_store(local_store(), SETTINGS)


def recorded(client, experiment="0"):
    """Record a run with a file and a model of one file; return the ids of both."""
    run = client.create_run(experiment).info.run_id
    client.log_text(run, "x", "file.txt")
    model = client.create_logged_model(experiment, source_run_id=run)
    client.log_model_artifacts(model.model_id, __file__.rpartition("/")[0])
    client.finalize_logged_model(model.model_id, "READY")
    return run, model.model_id


def register(client, run, model):
    if not client.search_registered_models():
        client.create_registered_model("digits")
    client.create_model_version("digits", f"models:/{model}", run)


def experiment(client, tmp_path, name):
    return client.create_experiment(name, (tmp_path / "mlartifacts" / name).as_uri())


def test_mlflow_still_deletes_for_good_by_these_private_names(client):
    store = client._tracking_client.store
    missing = [name for name in HARD_DELETES if not hasattr(store, name)]
    assert not missing, f"`mlflow gc` calls these otherwise now; see its source: {missing}"


def test_deleted_runs_go_with_their_models_and_files_and_others_stay(client, tmp_path):
    here = experiment(client, tmp_path, "digits-1")
    kept, deleted, registered = (recorded(client, here) for _ in range(3))
    register(client, *registered)
    for run, _ in (deleted, registered):
        client.delete_run(run)
    rows = read_rows()
    folders = {folder.name for folder in folders_of_deleted(rows)}
    assert folders == set(deleted)
    known = KnownRuns.find(SETTINGS)
    assert known.alive >= {kept[0], registered[0]}
    assert deleted[0] in known.deleted
    forget(rows, SETTINGS)
    rows = read_rows()
    assert {run.id for run in rows.runs} >= {kept[0], registered[0]}
    assert {model.id for model in rows.models} >= {kept[1], registered[1]}
    assert deleted[0] not in {run.id for run in rows.runs}
    assert deleted[1] not in {model.id for model in rows.models}
    assert rows.deleted_runs() == rows.deleted_models() == []


def test_a_deleted_experiment_goes_unless_a_registered_model_comes_from_it(client, tmp_path):
    empty, needed = (experiment(client, tmp_path, name) for name in ("empty", "needed"))
    recorded(client, empty)
    register(client, *recorded(client, needed))
    for each in (empty, needed):
        client.delete_experiment(each)
    rows = read_rows()
    assert [str(each) for each in rows.deleted_experiments()] == [empty]
    forget(rows, SETTINGS)
    assert [str(key) for key, stage in read_rows().experiments if stage == "deleted"] == [needed]


def test_a_folder_of_no_run_is_a_stray_and_what_is_named_otherwise_is_not(client, tmp_path):
    here = experiment(client, tmp_path, "digits-1")
    recorded(client, here)
    place = tmp_path / "mlartifacts" / "digits-1"
    strays = [place / ("0" * 32), place / "models" / f"m-{'1' * 32}"]
    for folder in (*strays, place / "tr-traces", tmp_path / "mlartifacts" / "notes"):
        (folder / "artifacts").mkdir(parents=True)
    assert stray_folders() == strays
    (tmp_path / "mlflow.db").rename(tmp_path / "put aside.db")
    assert stray_folders() == []


def test_other_names_of_a_run_live_and_die_with_it(client):
    keys = {"a" * 32: False, "b" * 32: True, "c" * 32: False}
    for tag, (key, stays) in zip(
        (RUN_KEY_TAG, RUN_KEY_TAG, REPLACES_TAG), keys.items(), strict=True
    ):
        run = client.create_run("0", tags={tag: key}).info.run_id
        if not stays:
            client.delete_run(run)
    known = KnownRuns.find(SETTINGS)
    assert known.alive & keys.keys() == {"b" * 32}
    assert known.deleted & keys.keys() == {"a" * 32, "c" * 32}


def test_a_run_that_waits_to_be_recorded_is_alive(client):
    journal = Journal(Header("http://127.0.0.1:9", SETTINGS, Opening("e" * 32, TRAIN), "code"))
    assert "e" * 32 in KnownRuns.find(SETTINGS).alive
    journal.close()


def test_a_folder_outside_the_project_is_left_alone(client, tmp_path):
    elsewhere = client.create_experiment("far", (tmp_path.parent / "far").as_uri())
    run, _ = recorded(client, elsewhere)
    client.delete_run(run)
    assert folders_of_deleted(read_rows()) == []
