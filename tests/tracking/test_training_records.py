"""What the run of a training holds; no MLflow is needed to say it."""

from dataclasses import asdict, fields, replace

import numpy as np
import pytest
import yaml

from pipeline.digits.training.state import Epoch
from pipeline.tracking.names import CHOSEN_ACCURACY, UNSEEN_TEST_TAG, validation_accuracy
from pipeline.tracking.recording.learning import DatasetInput
from pipeline.tracking.recording.records import Params, Tags, Text
from pipeline.tracking.training_records import (
    configuration,
    configuration_name,
    epoch_metrics,
    evaluation_metrics,
    failure,
    final_metrics,
    hardest_digits,
    is_looked_at,
    layers,
    to_look_at,
    training_data,
    training_request,
)

from support.recording import SETTINGS  # isort: skip

EPOCH = Epoch(
    epoch=3, loss=0.5, accuracy=0.9, val_loss=0.6, val_accuracy=0.8, learning_rate=0.01, seconds=2.0
)


def test_a_training_is_asked_for_by_stage_and_family(default_tree):
    request = training_request(
        SETTINGS, "mlp 8", "trial", default_tree, tags={"run_before": "true"}, parent_run_id="p"
    )
    assert (request.experiment, request.name, request.parent_run_id) == ("digits", "mlp 8", "p")
    tags = dict(request.tags)
    assert tags.pop("configuration").startswith("mlp 8 #")
    assert tags == {"stage": "trial", "model_family": "mlp", "run_before": "true"}


def test_seeds_and_threads_make_no_other_configuration_and_all_else_does(default_tree):
    def name(**changes):
        return configuration_name("mlp 8 · 5 epochs", {**default_tree, **changes})

    train = default_tree["train"]
    assert name(seed=7) == name(train={**train, "threads": 1}) == name()
    assert name(train={**train, "learning_rate": 0.1}) != name()
    assert name(prepare={"validation_size": 7}) != name()


def test_a_configuration_is_recorded_in_parts_as_parameters_and_whole_as_a_file(default_tree):
    params, text = configuration(default_tree, ("seed", "train"))
    assert params == Params({key: default_tree[key] for key in ("seed", "train")})
    assert isinstance(text, Text)
    assert text.path == "config/params.yaml"
    assert yaml.safe_load(text.text) == default_tree
    default, _ = configuration(default_tree)
    assert set(default.tree) == {"seed", "data", "prepare", "model", "train", "layers"}


def test_data_is_recorded_with_what_is_known_of_it():
    pictures = {"train": 10, "validation": 2}
    data = DatasetInput("mnist", "d" * 64, "data/prepared", pictures)
    assert training_data("mnist", "d" * 64, pictures, None) == [data]
    records = training_data("mnist", "d" * 64, pictures, "stands in", "t" * 64)
    assert records == [data, Tags({"note": "stands in", UNSEEN_TEST_TAG: "t" * 64})]


def test_an_epoch_is_a_point_of_every_curve():
    metrics = epoch_metrics(asdict(EPOCH))
    assert metrics.step == 3
    assert metrics.values == {
        "train_loss": 0.5, "train_accuracy": 0.9, "val_loss": 0.6, "val_accuracy": 0.8,
        "learning_rate": 0.01, "epoch_seconds": 2.0,
    }  # fmt: skip
    others = {"epoch", "ended"}
    assert len(metrics.values) == len(fields(Epoch)) - len(others), "a number has no curve"


def test_an_epoch_told_of_twice_is_recorded_with_the_same_time():
    assert epoch_metrics(asdict(replace(EPOCH, ended=17.0))).at == 17.0
    assert epoch_metrics(asdict(EPOCH)).at > 1e9, "unknown: now"


def test_final_metrics_leave_the_curves_alone_and_name_the_accuracy_of_the_kept_weights():
    measured = {
        "val_accuracy": 0.8, "val_loss": 0.6, "train_accuracy": 0.9, "train_loss": 0.5,
        "chosen_epoch": 3, "parameters": 100, "test_accuracy": 0.7,
    }  # fmt: skip
    metrics = final_metrics(measured, training_seconds=5.0)
    assert metrics.values == {
        "chosen_epoch": 3, "parameters": 100, "test_accuracy": 0.7,
        CHOSEN_ACCURACY: 0.8, "training_seconds": 5.0,
    }  # fmt: skip
    assert metrics.step == 0
    assert validation_accuracy({"val_accuracy": 0.1, **metrics.values}) == pytest.approx(0.8)


def test_figures_of_the_test_set_name_it():
    record = evaluation_metrics({"test_accuracy": 0.9}, "mnist", "t" * 64, 5)
    assert (record.name, record.digest, record.pictures) == ("mnist-test", "t" * 64, {"test": 5})
    assert record.values == {"test_accuracy": 0.9}


@pytest.mark.parametrize(
    ("epochs", "looks"), [(1, [1]), (3, [1, 2, 3]), (12, [3, 6, 9, 12]), (10, [3, 6, 9, 10])]
)
def test_the_hardest_digits_are_looked_at_a_few_times_and_at_the_end(epochs, looks):
    assert [number for number in range(1, epochs + 1) if is_looked_at(number, epochs)] == looks


def test_the_hardest_digits_are_those_whose_truth_is_least_likely():
    labels = np.arange(20, dtype=np.uint8) % 10
    probabilities = np.full((20, 10), 0.01, np.float32)
    probabilities[np.arange(20), labels] = 0.91
    probabilities[[4, 17], [4, 7]] = 0.06, 0.02
    probabilities[[4, 17], [9, 1]] = 0.86, 0.9
    images = np.arange(20, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    record = hardest_digits(images, labels, probabilities, "ABCDEFGHIJ", 3)
    assert record.step == 3
    assert [picture[0][0] for picture in record.pictures][:2] == [17, 4]
    assert record.captions[:2] == [
        ["is H, 2% sure", "read B, 90%"], ["is E, 6% sure", "read J, 86%"]
    ]  # fmt: skip
    assert len(record.pictures) == len(record.captions) == 8


def test_what_is_looked_at_is_spread_over_the_validation_part():
    assert to_look_at(3).tolist() == [0, 1, 2]
    rows = to_look_at(5000)
    assert (len(set(rows.tolist())), rows[0], rows[-1]) == (1000, 0, 4999)


def test_a_failure_is_reported_in_the_table_and_on_the_page():
    assert failure("no memory").values == {
        "error": "no memory", "mlflow.note.content": "no memory"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ({"_target_": "networks.mlp", "hidden_units": [256, 128]}, "mlp 256-128"),
        ({"_target_": "networks.cnn", "filters": [16, 32]}, "cnn 16-32"),
        ({"_target_": "networks.other"}, "other"),
    ],
)
def test_layers_of_every_family_have_one_name(model, name):
    assert layers(model) == name
