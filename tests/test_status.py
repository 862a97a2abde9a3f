"""`digits status`: what lies here, and how to go back."""

import json

import pytest

from pipeline import status
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.config.schema import Options
from pipeline.inventory import network as inventory
from pipeline.inventory.network import Network
from pipeline.stages.prepared import DatasetInfo

RUN = "3" * 32


@pytest.fixture
def here(monkeypatch, tmp_path):
    """Stand in for a checkout in which a network was trained and evaluated; return its folder."""
    info = DatasetInfo("test", "d" * 64, ["0", "1"], "FEW DIGITS")
    monkeypatch.setattr(DatasetInfo, "load", classmethod(lambda _: info))
    monkeypatch.setattr(status, "waiting", list)
    for name, place in (
        ("MODELS", "models"), ("ONNX_FILE", "models/model.onnx"), ("REPORTS", "reports"),
        ("SETTINGS_FILE", "models/settings.json"),
    ):  # fmt: skip
        monkeypatch.setattr(inventory, name, tmp_path / place)
    tree = compose(OWN)
    for name, text in {
        "models/model.onnx": "",
        "models/run_id.txt": RUN,
        "models/settings.json": json.dumps({key: tree[key] for key in ("seed", *SECTIONS)}),
        "reports/train/title.txt": "mlp 8 · 3 epochs\n",
        "reports/train/metrics.json": '{"val_accuracy": 0.75}',
        "reports/evaluate/metrics.json": '{"test_accuracy": 0.5}',
        "reports/evaluate/run_id.txt": RUN,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


SECTIONS = ("data", "prepare", "model", "train")
OWN = ["train.epochs=3", "data=mnist_5000"]
CONFIG = validate(compose(["tracking=none", "predict.output=nowhere", "train.epochs=3"]))


@pytest.mark.usefixtures("here")
def test_it_says_what_waits(monkeypatch):
    monkeypatch.setattr(status, "waiting", lambda: ["3 records wait"])
    assert "3 records wait" in status.summarise(CONFIG).splitlines()


@pytest.mark.usefixtures("here")
def test_it_says_which_network_lies_here_and_what_is_known_of_it(monkeypatch, capsys):
    reported = []
    monkeypatch.setattr(status, "report_drift", reported.append)
    monkeypatch.setattr(status, "read_params", lambda: compose(OWN))
    monkeypatch.setattr(status, "committed", lambda _: None)
    monkeypatch.setattr(status, "compare_experiment", lambda tree: [])
    status.run(CONFIG, Options())
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [
        "network          mlp 8 · 3 epochs on mnist_5000",
        "test accuracy    50.00 %",
        "validation       75.00 %",
        "custom accuracy  unknown",
        "predictions      nowhere/predictions.csv",
        "plots            reports/*/*.png",
        "MLflow run       not recorded (tracking.enabled=false)",
        "FEW DIGITS",
    ]
    assert len(reported) == 1


def test_figures_of_another_network_are_not_shown_as_this_ones(here):
    (here / "reports/evaluate/run_id.txt").write_text("4" * 32)
    assert "test accuracy    unknown" in status.summarise(CONFIG)


@pytest.mark.parametrize(
    ("reader", "shown"),
    [
        (f"mlp 8 · 3 epochs, MLflow run {RUN}", "88.00 %"),
        ("cnn 8 · 1 epoch", "88.00 %, read by cnn 8 · 1 epoch"),
        (None, "unknown"),
    ],
)
def test_predictions_of_another_network_are_said_to_be_such(here, reader, shown):
    config = validate(compose(["tracking=none", f"predict.output={here / 'out'}"]))
    (here / "out").mkdir()
    (here / "out/metrics.json").write_text('{"custom_accuracy": 0.88}')
    if reader:
        (here / "out/read_by.txt").write_text(f"{reader}\n")
    assert f"custom accuracy  {shown}\n" in status.summarise(config)


def test_no_network_is_said_to_be_none(here):
    (here / "models/model.onnx").unlink()
    assert "network          none; `dvc repro` trains one" in status.summarise(CONFIG)


def test_a_run_that_mlflow_lost_is_said_to_be_gone(here, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{here}/mlflow.db")
    shown = status.summarise(validate(compose([])))
    assert f"{RUN} is gone" in shown
    assert "`digits record` records it again" in shown


@pytest.mark.usefixtures("here")
def test_it_says_where_models_and_params_yaml_differ_and_how_to_go_back(monkeypatch):
    monkeypatch.setattr(status, "committed", lambda _: compose([]))
    network = Network.find()
    assert list(status.ways_back(compose([*OWN, "predict.chunk_size=9"]), network)) == [
        "params.yaml differs from what is committed in data._target_, data.on_unavailable, "
        "data.path, predict.chunk_size, train.epochs; `git checkout params.yaml` "
        "and `dvc repro` go back"
    ]
    (line,) = status.ways_back(compose([]), network)
    assert line.startswith(
        "models/ holds another network than params.yaml describes (data._target_,"
    )
    assert "`dvc repro`" in line


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("change", [[], ["seed=7"], ["data=mnist"]])
def test_results_are_kept_for_the_settings_that_gave_them_alone(monkeypatch, here, change):
    monkeypatch.setenv("DVC_ROOT", str(here))
    monkeypatch.setattr(status, "read_params", lambda: compose([*OWN, *change]))
    status.run(CONFIG, Options())
    assert (here / ".history").exists() == (not change)


@pytest.mark.usefixtures("here")
def test_results_of_another_network_are_not_kept(monkeypatch, here):
    (here / "reports/evaluate/run_id.txt").write_text("4" * 32)
    monkeypatch.setenv("DVC_ROOT", str(here))
    monkeypatch.setattr(status, "read_params", lambda: compose(OWN))
    status.run(CONFIG, Options())
    assert not (here / ".history").exists()
