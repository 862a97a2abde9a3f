"""What was recorded before functions moved is of use today: tests/data/yesterday/ holds a store."""

import logging
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from support.networks import answers_in_pictures, write_reader

from pipeline import promote, register, report
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.config.params import read_params, write_params
from pipeline.digits.splits import Split, save_split
from pipeline.stages import prepared as prepared_files
from pipeline.stages.predict_custom import find_network
from pipeline.stages.prepared import DatasetInfo
from pipeline.tracking.models import fetch_keras_model
from pipeline.tracking.registry.fetching import pin
from pipeline.tracking.registry.names import REGISTERED_MODEL

KEPT = Path(__file__).resolve().parents[1] / "data" / "yesterday"
TRAINING = "68e87a0f8884475f95dbffdc37ea1d77"
CHOICES = ["data=mnist_5000", "model.hidden_units=[16]", "train.epochs=2"]
SINCE = ["train.distortion.disturbed=0.0", "train.drawn_share=0.1"]  # defaults that have changed
ARTIFACTS = Path("mlartifacts") / "digits"
TRAINED = ARTIFACTS / TRAINING / "artifacts" / "train" / "model.onnx"
CHAMPION = ARTIFACTS / "models/m-42e964e183594ffe9d48e72c4e54febf/artifacts/artifacts/model.onnx"
KERAS = ARTIFACTS / "models/m-da40f181581d4a62a00290edecfd0239/artifacts/data/model.keras"


@pytest.fixture(params=["/nowhere/any%20more", None], ids=["moved", "in its place"])
def project(request, tmp_path, monkeypatch):
    """Return a folder with the store of yesterday, in which new networks stand for the binaries."""
    before = Path(request.param or tmp_path)
    shutil.copytree(KEPT / "artifacts", tmp_path / "mlartifacts")
    shutil.copy(KEPT / "store.sql", tmp_path)
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        text = file.read_text().replace("file://PROJECT", before.as_uri())
        file.write_text(text.replace("PROJECT", str(before)))
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.executescript((tmp_path / "store.sql").read_text())
    for place in (TRAINED, CHAMPION):
        write_reader(tmp_path / place, 0)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture
def config():
    return validate(compose([]))


def test_its_configuration_is_taken_over(project, monkeypatch):
    path = project / "params.yaml"
    monkeypatch.setattr(promote, "write_params", lambda tree: write_params(tree, path))
    promote.run({"run": TRAINING, "tracking": compose([])["tracking"]})
    assert "digits.networks.mlp" not in path.read_text()
    assert read_params(path) == compose([*CHOICES, *SINCE])


@pytest.fixture
def tell(project, config, monkeypatch, caplog):
    """Register a run where data is prepared; return what is said."""
    labels = np.arange(40, dtype=np.uint8) % 10
    monkeypatch.setattr(prepared_files, "PREPARED", project)
    save_split(Split(answers_in_pictures(labels), labels), project / "test.npz")
    DatasetInfo("test", "d" * 64, [str(digit) for digit in range(10)], None).save()
    caplog.set_level(logging.INFO, logger=register.__name__)

    def run(which):
        register.run(config, register.RegisterOptions(run=which))
        return caplog.messages[-1]

    return run


@pytest.mark.parametrize("run", [TRAINING, "best"])
def test_its_champion_is_known(tell, run):
    assert tell(run) == "champion is already version 1, made from this run"


def test_its_training_is_registered(project, tell):
    from mlflow import MlflowClient

    MlflowClient(f"sqlite:///{project}/mlflow.db").delete_registered_model(REGISTERED_MODEL)
    assert tell(TRAINING) == "champion is version 1, the first one"


def test_its_champion_reads_pictures(project, config):
    uri = f"models:/{REGISTERED_MODEL}@champion"
    predict = config.predict.model_copy(update={"model": uri})
    network, run_id = find_network(config.model_copy(update={"predict": predict}))
    assert network.read_bytes() == (project / CHAMPION).read_bytes()
    assert run_id == TRAINING
    assert pin(config.tracking, uri) == f"models:/{REGISTERED_MODEL}/1"


def test_it_is_reported(project, config):
    page = project / "report.html"
    report.run(config, report.ReportOptions(output=str(page)))
    assert not Path("/nowhere").exists()
    html = page.read_text()
    for shown in ("mlp 16 · 2 epochs", "61.00%", "65.00%", "61.5%", "SMALL DATA"):
        assert shown in html


@pytest.mark.end_to_end  # imports TensorFlow
def test_its_weights_are_started_from(project, config, tmp_path):
    from pipeline.digits.training.networks import mlp
    from pipeline.digits.training.transfer import take_weights

    def network():
        settings = compose(CHOICES)["model"]
        del settings["_target_"]
        return mlp((28, 28), 10, **settings)

    trained, new = network(), network()
    (project / KERAS).parent.mkdir(exist_ok=True)
    trained.save(project / KERAS)
    (tmp_path / "fetched").mkdir()
    take_weights(new, fetch_keras_model(config.tracking, TRAINING, tmp_path / "fetched"))
    for ours, theirs in zip(new.get_weights(), trained.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
