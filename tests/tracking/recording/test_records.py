"""Every kind of record, as MLflow's own API reads it back."""

import json
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path

import pytest
from support.recording import SETTINGS, TRAIN

from pipeline.tracking.recording import learning, records
from pipeline.tracking.recording.learning import (
    DatasetInput,
    EvaluationMetrics,
    KerasModel,
    Readings,
)
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.records import (
    File,
    Finish,
    Metrics,
    Params,
    Record,
    Table,
    Tags,
    Text,
)

EXAMPLES = [
    Params({"train": {"epochs": 2}}),
    Metrics({"loss": 0.5}, step=1),
    Tags({"note": "small"}),
    *File.each([Path("metrics.json")], "train"),
    Text("seed: 1", "config/params.yaml"),
    Table({"network": ["mlp"], "epochs": [2]}, "sweep/results.json"),
    DatasetInput("mnist", "a" * 64, "data/prepared", {"train": 10}),
    EvaluationMetrics({"test_accuracy": 0.9}, "mnist-test", "b" * 64, "data/test.npz", {"test": 5}),
    Readings("hardest", 3, [[[0, 255], [7, 0]]], [["is 4, 1% sure", "read 9, 98%"]]),
    KerasModel.at(Path("model.keras"), [10], [[0, 255], [7, 0]]),
    Finish("FINISHED"),
]


def test_every_kind_of_record_is_an_example_here():
    named = {**vars(records), **vars(learning)}
    kinds = {each for each in named.values() if isinstance(each, type)}
    kinds = {each for each in kinds if issubclass(each, Record) and each is not Record}
    assert kinds == {type(each) for each in EXAMPLES}
    assert all(is_dataclass(each) and each.label for each in kinds)


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda each: type(each).__name__)
def test_a_record_can_be_written_down_as_json(record):
    written = json.dumps(asdict(record))
    assert type(record)(**json.loads(written)) == record
    assert set(json.loads(written)) == {each.name for each in fields(record)}


def test_a_run_holds_what_was_recorded(client, tmp_path):
    (tmp_path / "metrics.json").write_text("{}")
    network = {"_target_": "pipeline.digits.training.networks.mlp", "hidden_units": [8]}
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(
            Params({"model": network}),
            Metrics({"val_accuracy": 0.91}, step=1, at=1000.0),
            Metrics({"val_accuracy": 0.92}, step=2),
            Tags({"note": "small"}),
            Text("seed: 1", "config/params.yaml"),
            Table({"network": ["mlp"], "epochs": [2]}, "sweep/results.json"),
            *File.each([tmp_path / "metrics.json"], "train"),
            DatasetInput("mnist", "a" * 64, "data/prepared", {"train": 10}),
        )
    run = client.get_run(recorder.run_id())
    assert run.data.params == {"model": "mlp", "model.hidden_units": "[8]"}
    history = client.get_metric_history(run.info.run_id, "val_accuracy")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.91), (2, 0.92)]
    assert history[0].timestamp == 1_000_000
    assert run.data.tags["note"] == "small"
    assert [item.dataset.digest for item in run.inputs.dataset_inputs] == ["a" * 32]
    assert json.loads(run.inputs.dataset_inputs[0].dataset.profile) == {"train": 10}
    folders = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert folders == {"config", "sweep", "train"}
    table = client.download_artifacts(run.info.run_id, "sweep/results.json")
    assert json.loads(Path(table).read_text()) == {
        "columns": ["network", "epochs"],
        "data": [["mlp", 2]],
    }


def test_a_file_is_found_by_a_path_that_is_relative_here(client, tmp_path, monkeypatch):
    """The recorder process works in another folder."""
    (tmp_path / "metrics.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(*File.each([(tmp_path / "metrics.json").relative_to(tmp_path)], "train"))
    (kept,) = client.list_artifacts(recorder.run_id(), "train")
    assert kept.path == "train/metrics.json"


def test_what_is_not_set_is_no_parameter(client):
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(
            Params({"data": {"path": None}, "train": {"distortion": None, "epochs": 2}})
        )
    assert client.get_run(recorder.run_id()).data.params == {"train.epochs": "2"}


def test_a_parameter_is_recorded_once(client):
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(Params({"seed": 1}), Params({"seed": 2, "train": {"epochs": 3}}))
    assert client.get_run(recorder.run_id()).data.params == {"seed": "1", "train.epochs": "3"}
