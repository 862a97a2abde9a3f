"""The networks that runs keep."""

import shutil
from pathlib import Path

import pytest
from support.recording import EXAMPLE, SETTINGS, TRAIN, recorded_training

from pipeline.system.errors import InputError
from pipeline.tracking.addresses import tracking_uri
from pipeline.tracking.models import fetch_keras_model, unseen_test_digest
from pipeline.tracking.names import UNSEEN_TEST_TAG
from pipeline.tracking.recording.keras_flavor import KERAS_FILE_IN_MODEL
from pipeline.tracking.recording.learning import KerasModel
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.records import Tags


def recorded_model(settings, keras_file):
    """Record a training with its network; return the run and what MLflow keeps of the network."""
    from mlflow import MlflowClient

    with new_run(settings, TRAIN) as recorder:
        recorder.record(KerasModel.at(keras_file, (10,), EXAMPLE))
    client = MlflowClient(tracking_uri(settings))
    run = client.get_run(recorder.run_id())
    (output,) = run.outputs.model_outputs
    return run, client.get_logged_model(output.model_id)


def test_artifacts_lie_beside_the_database(store, keras_file):
    run, model = recorded_model(SETTINGS, keras_file)
    place = (store / "mlartifacts").as_uri()
    assert run.info.artifact_uri.startswith(place)
    assert model.artifact_location.startswith(place)
    assert not (store / "mlruns").exists()


def test_models_go_to_the_stores_and_experiments_of_their_runs_in_turn(store, keras_file):
    """One process writes to both stores, and MLflow has one address at a time in it."""
    recorded_training()
    shutil.copy(store / "mlflow.db", store / "other.db")  # making one anew takes seconds
    elsewhere = SETTINGS.model_copy(update={"uri": f"sqlite:///{store / 'other.db'}"})
    for settings in (SETTINGS, elsewhere) * 2:
        run, model = recorded_model(settings, keras_file)
        assert run.info.status == "FINISHED"
        assert model.experiment_id == run.info.experiment_id


def test_a_network_is_brought_back_as_it_was(keras_file, tmp_path):
    run, _ = recorded_model(SETTINGS, keras_file)
    file = fetch_keras_model(SETTINGS, run.info.run_id, tmp_path / "copy")
    assert file.suffix == ".keras"
    assert file.read_bytes() == keras_file.read_bytes()


def test_a_network_whose_file_is_gone_is_reported_in_one_line(keras_file, tmp_path):
    run, model = recorded_model(SETTINGS, keras_file)
    (Path(model.artifact_location.removeprefix("file://")) / KERAS_FILE_IN_MODEL).unlink()
    with pytest.raises(InputError, match="its network is gone"):
        fetch_keras_model(SETTINGS, run.info.run_id, tmp_path)


def test_a_model_that_is_not_there_is_reported_in_one_line(tmp_path):
    for run_id, expected in (
        ("gone", "neither a file nor a run"),
        (recorded_training(), "no model"),
    ):
        with pytest.raises(InputError, match=expected) as caught:
            fetch_keras_model(SETTINGS, run_id, tmp_path)
        assert "\n" not in str(caught.value)


def test_a_run_tells_which_test_set_its_weights_have_not_met():
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(Tags({UNSEEN_TEST_TAG: "a" * 64}))
    assert unseen_test_digest(SETTINGS, recorder.run_id()) == "a" * 64
    assert unseen_test_digest(SETTINGS, recorded_training()) is None
    with pytest.raises(InputError, match="neither a file nor a run"):
        unseen_test_digest(SETTINGS, "0" * 32)
