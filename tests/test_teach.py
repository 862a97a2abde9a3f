"""The champion is taught, on a small network, as a user teaches it."""

import logging

import cv2
import numpy as np
import pytest

from pipeline import teach
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.digits.datasets.mnist import mnist_5000
from pipeline.digits.splits import DIGIT_NAMES, digest, save_split
from pipeline.stages import prepared as prepared_files
from pipeline.stages.network import build, export, learn, measure, metadata
from pipeline.stages.prepared import DatasetInfo
from pipeline.system.errors import InputError
from pipeline.teach import TeachOptions
from pipeline.teaching import learning, parent
from pipeline.teaching.learning import PARENT_TAG, Pace
from pipeline.tracking.names import UNSEEN_TEST_TAG
from pipeline.tracking.recording.learning import KerasModel
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.records import File, Metrics, Tags
from pipeline.tracking.registry.names import REGISTERED_MODEL
from pipeline.tracking.registry.registry import Registry
from pipeline.tracking.training_records import configuration

PACE = Pace(
    epochs=4, known_pictures=1000, corrections_share=0.4, learning_rate_share=2.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with prepared data and a store of its own, of the project for these tests."""
    folder = tmp_path_factory.mktemp("teaching")
    data = mnist_5000()
    rows = np.arange(len(data.train))
    for name, split in (
        ("train", data.train.take(rows[::3])),
        ("validation", data.train.take(rows[1::3])),
        ("test", data.test),
    ):
        save_split(split, folder / f"{name}.npz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(folder))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr(prepared_files, "PREPARED", folder)
        patch.setattr(parent, "ONNX_FILE", folder / "model.onnx")
        patch.setattr(parent, "MODELS", folder)
        patch.setattr(learning, "PACE", PACE)
        DatasetInfo("mnist", "d" * 64, list(DIGIT_NAMES), None).save()
        yield folder


@pytest.fixture(scope="module")
def config():
    return validate(
        compose(
            [
                "model.hidden_units=[32]", "train.epochs=3", "train.batch_size=32",
                "train.distortion=null", "train.jit_compile=false", "train.drawn_share=0.0",
                "train.other_share=0.0",
            ]
        )
    )  # fmt: skip


def corrections(folder):
    """Write 160 digits that lie on their side, as none of MNIST's does; return their folder."""
    test = mnist_5000().test
    for row in range(160):
        image = np.rot90(255 - cv2.resize(test.images[row * 3], (112, 112)))
        file = folder / str(test.labels[row * 3]) / f"{row}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), image)
    return folder


def told(caplog):
    return [each.message for each in caplog.records if each.name.startswith("pipeline.teach")]


def test_without_pictures_data_or_a_network_one_line_says_what_is_missing(place, config, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        teach.run(config, TeachOptions(pictures=str(tmp_path / "none")))
    pictures = str(corrections(tmp_path))
    with pytest.raises(InputError, match="no network to teach; `dvc repro` trains one"):
        teach.run(config, TeachOptions(pictures=pictures))
    (place / "model.onnx").touch()
    with pytest.raises(InputError, match="the MLflow run of this network is unknown"):
        teach.run(config, TeachOptions(pictures=pictures))
    (place / "model.onnx").unlink()
    untracked = config.tracking.model_copy(update={"enabled": False})
    with pytest.raises(InputError, match=r"tracking\.enabled=false: a network is taught"):
        teach.run(config.model_copy(update={"tracking": untracked}), TeachOptions())


def train(config, place):
    """Train and record the network in models/, as the stage does; return its run's id."""
    known = learning.Known.load()
    model = build(config, known.train, 10)
    training = learn(model, known.train, known.validation, config)
    metrics = measure(model, known.validation, training, config)
    network, keras_file = place / "model.onnx", place / "model.keras"
    export(model, network, known.train, metadata(metrics, config, None))
    model.save(keras_file)
    request = RunRequest(config.tracking.experiment, "mlp 32 · 3 epochs", {"stage": "train"})
    with new_run(config.tracking, request) as recorder:
        recorder.record(
            *configuration(config.model_dump()),
            Tags({UNSEEN_TEST_TAG: digest([known.test])}),
            Metrics({"val_accuracy": metrics["val_accuracy"]}),
            File(str(network), "train"),
            KerasModel.at(keras_file, (10,), known.train.images[0].tolist()),
        )
        run_id = recorder.run_id()
    (place / "run_id.txt").write_text(run_id + "\n")
    return run_id


@pytest.mark.end_to_end
def test_the_network_of_models_is_taught_and_then_the_champion_that_it_became(
    place, config, tmp_path, caplog
):
    """One story, since each lesson starts from the one before."""
    run_id = train(config, place)
    caplog.set_level(logging.INFO, logger="pipeline")
    before = {file.name: file.read_bytes() for file in place.glob("model.*")}
    options = TeachOptions(pictures=str(corrections(tmp_path)))
    teach.run(config, options)

    lines = told(caplog)
    assert "160 corrections in" in lines[0]
    assert lines[1] == f"teaching the network in models/ ({run_id})"
    assert "corrections held back" in lines[2]
    assert ": better (" in lines[2]
    assert "test pictures of mnist" in lines[3]
    assert lines[4].startswith("champion is version 1 (the first one)")
    registry = Registry.open(config.tracking)
    assert registry.champions.current() == 1
    assert {file.name: file.read_bytes() for file in place.glob("model.*")} == before

    client = registry.versions._client
    taught = client.get_run(client.get_model_version(REGISTERED_MODEL, "1").run_id)
    assert taught.data.tags["mlflow.parentRunId"] == taught.data.tags[PARENT_TAG] == run_id
    assert taught.info.status == "FINISHED"
    figures = taught.data.metrics
    assert figures["held_back_accuracy"] > figures["held_back_accuracy_before"]
    assert figures["test_accuracy"] > 0.8

    caplog.clear()
    teach.run(config, options)
    lines = told(caplog)
    assert lines[1] == f"teaching models:/digits/1 ({taught.info.run_id})"
    assert lines[4].startswith(("champion stays version 1: version 2", "champion is version 2"))
