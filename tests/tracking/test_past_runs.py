"""Finished trainings, read back."""

import pytest
from PIL import Image
from support.recording import LOST, SETTINGS, TRAIN, recorded_training

from pipeline.config.params import dump
from pipeline.system.errors import InputError
from pipeline.tracking.names import (
    CHOSEN_ACCURACY,
    CONFIGURATION_TAG,
    DATA_DIGEST_TAG,
    DATA_NOTE_TAG,
)
from pipeline.tracking.past_runs import CUSTOM_PLOT, PLOTS, read_trainings, recorded_config
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import child_run, new_run
from pipeline.tracking.recording.records import File, Metrics, Params, Tags
from pipeline.tracking.training_records import configuration

MODEL = {"_target_": "pipeline.digits.training.networks.mlp", "hidden_units": [8]}
TREE = {"seed": 1, "data": {}, "prepare": {}, "model": MODEL, "train": {}}


def recorded(accuracy, experiment="digits"):
    with new_run(SETTINGS, RunRequest(experiment, "a training", {"stage": "train"})) as recorder:
        recorder.record(
            Params({"model": {"hidden_units": [8]}}),
            Metrics({"val_accuracy": 0.5, "val_loss": 2.0}, step=1),
            Metrics({"val_accuracy": accuracy, "val_loss": 1.0}, step=2),
        )
    return recorder.run_id()


def test_a_training_is_read_with_its_curves_plots_and_newest_predictions(tmp_path):
    place = tmp_path / "confusion_matrix.png"
    Image.new("RGB", (8, 8)).save(place)
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(
            Params({"model": {"hidden_units": [8]}}),
            Tags({DATA_NOTE_TAG: "other data stands in"}),
            Metrics({"val_accuracy": 0.5, "val_loss": 2.0}, step=1),
            Metrics({"val_accuracy": 0.4, "val_loss": 3.0}, step=2),
            Metrics({CHOSEN_ACCURACY: 0.5}),
            *File.each([place], "evaluate"),
        )
    Image.new("RGB", (8, 8)).save(tmp_path / "predictions.png")
    for accuracy in (0.1, 0.9):
        request = RunRequest("digits", "pictures", {"stage": "predict-custom"})
        with child_run(SETTINGS, recorder.run_id(), LOST, request) as child:
            child.record(
                Metrics({"custom_accuracy": accuracy, "custom_pictures": 10}),
                *File.each([tmp_path / "predictions.png"], "predict-custom"),
            )
    (read,) = read_trainings(SETTINGS, [recorder.run_id()], best=1)
    assert read.name == TRAIN.name
    assert read.params["model.hidden_units"] == "[8]"
    assert read.note == "other data stands in"
    assert read.curves["val_loss"] == {1: 2.0, 2: 3.0}
    assert read.metrics["val_accuracy"] == 0.5, "not of the weights that were kept"
    assert read.metrics["custom_accuracy"] == 0.9
    assert read.plots.keys() == {PLOTS[0], CUSTOM_PLOT}
    assert read.plots[PLOTS[0]] == place.read_bytes()


def test_the_best_are_read_with_all_their_seeds(client):
    alone = SETTINGS.model_copy(update={"experiment": "seeds"})  # other tests share the store
    best, lucky, unlucky, middle = (recorded(each, "seeds") for each in (0.8, 0.9, 0.5, 0.75))
    for run_id in (lucky, unlucky):
        client.set_tag(run_id, CONFIGURATION_TAG, "mlp 8 #1")
    assert [each.id for each in read_trainings(alone, None, best=2)] == [best, middle]
    read = read_trainings(alone, None, best=3)
    assert {each.id for each in read} == {best, middle, lucky, unlucky}


def test_trainings_that_are_named_are_read_and_the_best_comes_first():
    better, worse = recorded(0.8), recorded(0.7)
    assert [each.id for each in read_trainings(SETTINGS, [worse, better], 1)] == [better, worse]


def test_trainings_on_other_data_are_ranked_apart(client):
    apart = SETTINGS.model_copy(update={"experiment": "other data"})
    tiny, worse, better = (recorded(each, "other data") for each in (1.0, 0.7, 0.8))
    for run_id, data in ((tiny, "own"), (worse, "mnist"), (better, "mnist")):
        client.set_tag(run_id, DATA_DIGEST_TAG, data)
    read = read_trainings(SETTINGS, [better, tiny, worse], best=1)
    assert [each.id for each in read] == [better, worse, tiny]
    assert [each.id for each in read_trainings(apart, None, best=3)] == [better, worse]
    assert read[0].data == "mnist"


def test_runs_that_are_not_there_are_reported_in_one_line():
    with pytest.raises(InputError, match="runs: MLflow knows no run gone;"):
        read_trainings(SETTINGS, ["gone"], best=1)
    empty = SETTINGS.model_copy(update={"experiment": "empty"})
    with pytest.raises(InputError, match="experiment empty holds no finished training"):
        read_trainings(empty, None, best=1)


def test_the_configuration_of_a_run_is_read_as_it_was_written():
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(*configuration(TREE))
    assert recorded_config(SETTINGS, recorder.run_id()) == dump(TREE)


def test_only_what_was_recorded_with_its_configuration_is_promoted():
    run_id = recorded_training()
    with pytest.raises(InputError, match=f"run={run_id}: no run with a configuration in"):
        recorded_config(SETTINGS, run_id)
