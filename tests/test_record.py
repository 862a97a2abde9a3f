"""`digits record`: a run that MLflow lost is made again from what lies here."""

import json
import uuid
from dataclasses import asdict

import pytest
from support.networks import write_reader

from pipeline import record
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.config.schema import Tracking
from pipeline.digits.robustness.measure import Robustness
from pipeline.digits.splits import Split, digest, load_split, save_split
from pipeline.inventory import network as inventory
from pipeline.inventory.network import Network
from pipeline.stages import prepared
from pipeline.stages.prepared import DatasetInfo, split_file
from pipeline.stages.training_report import write_history
from pipeline.system.errors import InputError
from pipeline.tracking.models import fetch_keras_model
from pipeline.tracking.past_runs import read_trainings, recorded_config
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import child_run
from pipeline.tracking.registry.registry import Registry
from pipeline.tracking.run_ids import recorded_as

CONFIG = validate(compose(["train.epochs=2", "data=mnist_5000"]))
EPOCH = {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.4, "val_accuracy": 0.9, "learning_rate": 0.1}
METRICS = {
    "val_accuracy": 0.91, "val_loss": 0.4, "train_accuracy": 0.8, "train_loss": 0.5,
    "chosen_epoch": 2, "parameters": 7, "temperature": 1.5,
}  # fmt: skip
ROBUSTNESS = Robustness({"fog": 0.25}, 20, 0.1, 0.9, {"letters": 0.8}, {"letters": 0.3})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return the folder of one store for all tests: making a database takes seconds."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def lost():
    """Return the id of a run that no store has."""
    return uuid.uuid4().hex


@pytest.fixture
def here(tmp_path, monkeypatch, digits_like, store, lost):
    """Stand in for a checkout whose network's run is lost; return its folder."""
    monkeypatch.setenv("DVC_ROOT", str(store))
    for module in (inventory, record):
        monkeypatch.setattr(module, "ONNX_FILE", tmp_path / "models/model.onnx")
        monkeypatch.setattr(module, "REPORTS", tmp_path / "reports")
    monkeypatch.setattr(inventory, "MODELS", tmp_path / "models")
    monkeypatch.setattr(inventory, "SETTINGS_FILE", tmp_path / "models/settings.json")
    monkeypatch.setattr(record, "KERAS_FILE", tmp_path / "models/model.keras")
    monkeypatch.setattr(record, "project_path", lambda name: tmp_path / name)
    monkeypatch.setattr(prepared, "PREPARED", tmp_path / "data")
    write_reader(tmp_path / "models/model.onnx", 0)
    write_history(
        tmp_path / "reports/train",
        [{"epoch": number, **EPOCH, "seconds": 1.0} for number in (1, 2)],
        "mlp 8 · 2 epochs",
    )
    settings = CONFIG.model_dump(include={"seed", "data", "prepare", "model", "train"})
    for name, text in {
        "models/model.keras": "a network",
        "models/run_id.txt": lost,
        "models/settings.json": json.dumps(settings),
        "reports/train/metrics.json": json.dumps(METRICS),
        "reports/evaluate/metrics.json": '{"test_accuracy": 0.5, "test_recall": {"0": 1.0}}',
        "reports/evaluate/robustness.json": json.dumps(asdict(ROBUSTNESS)),
        "reports/evaluate/confusion_matrix.png": "a plot",
        "reports/evaluate/run_id.txt": lost,
        "reports/predict-custom/metrics.json": '{"custom_accuracy": 0.75}',
        "reports/predict-custom/read_by.txt": f"mlp 8 · 2 epochs, MLflow run {lost}\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for part in ("train", "validation", "test"):
        save_split(Split(digits_like.images, digits_like.labels), split_file(part))
    DatasetInfo("small", "d" * 64, [str(digit) for digit in range(10)], "FEW DIGITS").save()
    return tmp_path


@pytest.mark.usefixtures("here")
def test_all_that_the_files_hold_is_recorded_once(tmp_path, lost):
    assert recorded_as(CONFIG.tracking, lost) is None
    assert record.record_if_lost(CONFIG, Network.find())
    again = recorded_as(CONFIG.tracking, lost)
    assert again not in (None, lost)
    assert not record.record_if_lost(CONFIG, Network.find())

    (training,) = read_trainings(CONFIG.tracking, [lost], 10)
    assert (training.id, training.name, training.note) == (again, "mlp 8 · 2 epochs", "FEW DIGITS")
    assert training.params["train.epochs"] == "2"
    assert training.metrics["val_accuracy"] == 0.91
    assert training.metrics["test_accuracy"] == 0.5
    assert training.metrics["corrupted_accuracy/fog"] == 0.25
    assert training.metrics["custom_accuracy"] == 0.75
    assert training.curves["val_accuracy"] == {1: 0.9, 2: 0.9}
    assert list(training.plots) == ["evaluate/confusion_matrix.png"]
    assert "epochs: 2" in recorded_config(CONFIG.tracking, again)
    for which in ("best", lost, again):
        candidate = Registry.open(CONFIG.tracking).candidates.find(which)
        assert candidate.run_id == again
    assert candidate.unseen_test_digest == digest([load_split(split_file("test"))])
    copy = fetch_keras_model(CONFIG.tracking, lost, tmp_path / "copy")
    assert copy.read_text() == "a network"


@pytest.mark.usefixtures("here")
def test_a_run_that_stands_for_the_lost_one_is_completed(lost):
    parent = RunRequest("digits", "replacement of a lost run", {})
    child = RunRequest("digits", "pictures in custom", {"stage": "predict-custom"})
    with child_run(CONFIG.tracking, lost, parent, child):
        pass
    assert recorded_as(CONFIG.tracking, lost) is None
    assert record.record_if_lost(CONFIG, Network.find())
    (training,) = read_trainings(CONFIG.tracking, [lost], 10)
    assert training.name == "mlp 8 · 2 epochs"
    assert training.id == recorded_as(CONFIG.tracking, lost)


def test_nothing_is_recorded_where_nothing_is_known_or_wanted(here, lost):
    network = Network.find()
    off = CONFIG.model_copy(update={"tracking": Tracking(enabled=False, uri=None, experiment="a")})
    assert not record.record_if_lost(off, network)
    assert not record.record_if_lost(CONFIG, None)
    (here / "models/settings.json").unlink()
    assert not record.record_if_lost(CONFIG, Network.find())
    assert recorded_as(CONFIG.tracking, lost) is None


@pytest.mark.usefixtures("here")
def test_a_network_of_other_data_than_is_prepared_is_not_recorded_with_it(lost):
    other = validate(compose(["train.epochs=2", "data=mnist_5000", "seed=7"]))
    with pytest.raises(InputError, match=r"other data.*\(seed\)"):
        record.record_if_lost(other, Network.find())
    assert recorded_as(CONFIG.tracking, lost) is None
