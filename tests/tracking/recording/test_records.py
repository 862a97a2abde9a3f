"""Every kind of record, as MLflow's own API reads it back."""

import json
import sys
import time
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path

import pytest
from support.recording import EXAMPLE, SETTINGS, TRAIN

from pipeline.tracking.names import DATA_DIGEST_TAG, data_experiment
from pipeline.tracking.recording import learning, records
from pipeline.tracking.recording.learning import (
    DatasetInput,
    EvaluationMetrics,
    KerasModel,
    Readings,
)
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import new_run, reopened_run
from pipeline.tracking.recording.records import (
    File,
    FileContent,
    Finish,
    Metrics,
    Monitor,
    Params,
    Record,
    Table,
    Tags,
    Text,
)
from pipeline.tracking.recording.run_writer import SAMPLING_INTERVAL

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
    Monitor(),
    Finish("FINISHED"),
]


def test_every_kind_of_record_but_the_content_of_a_file_is_an_example_here():
    named = {**vars(records), **vars(learning)}
    kinds = {each for each in named.values() if isinstance(each, type)}
    kinds = {each for each in kinds if issubclass(each, Record) and each is not Record}
    assert kinds == {type(each) for each in EXAMPLES} | {FileContent}
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


def test_a_monitored_run_tells_how_busy_the_machine_was(client):
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(Monitor())
        recorder.run_id()
        time.sleep(SAMPLING_INTERVAL * 1.5)
    metrics = client.get_run(recorder.run_id()).data.metrics
    assert metrics["system/system_memory_usage_percentage"] > 0
    assert "system/cpu_utilization_percentage" in metrics


def test_training_is_linked_to_the_run_that_prepared_its_data(client):
    request = RunRequest(data_experiment(SETTINGS), "mnist", {})
    with new_run(SETTINGS, request) as prepare:
        prepare.record(Tags({DATA_DIGEST_TAG: "b" * 64}))
    with new_run(SETTINGS, TRAIN) as train:
        train.record(DatasetInput("mnist", "b" * 64, "data/prepared", {}))
    assert client.get_run(train.run_id()).data.tags["data_run_id"] == prepare.run_id()


def test_a_keras_model_is_kept_with_its_signature_and_what_it_requires(client, keras_file):
    import mlflow
    from mlflow.models import get_model_info
    from mlflow.pyfunc import get_model_dependencies

    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(KerasModel.at(keras_file, (10,), EXAMPLE))
    (output,) = client.get_run(recorder.run_id()).outputs.model_outputs
    mlflow.set_tracking_uri(client.tracking_uri)
    uri = f"models:/{output.model_id}"
    signature = get_model_info(uri).signature
    assert [each.shape for each in signature.inputs.inputs] == [(-1, 28, 28)]
    assert [each.shape for each in signature.outputs.inputs] == [(-1, 10)]
    listed = Path(get_model_dependencies(uri)).read_text().splitlines()
    names = [line.partition("==")[0] for line in listed]
    assert names == ["tensorflow", "keras", "numpy"]
    example = mlflow.models.Model.load(uri).load_input_example(uri)
    assert example.shape == (1, 28, 28)
    assert (example == EXAMPLE).all()
    assert "tensorflow" not in sys.modules


def test_networks_are_ranked_by_what_they_reached_on_a_test_part(client, keras_file):
    runs = {}
    for accuracy, digest in ((0.8, "c"), (0.9, "c"), (0.7, "c"), (0.95, "d")):
        with new_run(SETTINGS, RunRequest("ranked", "mlp", {"stage": "train"})) as recorder:
            recorder.record(Metrics({"test_accuracy": 0.1}, step=1))  # of no data set
            recorder.record(KerasModel.at(keras_file, (10,), EXAMPLE))
        figures = {"test_accuracy": accuracy, "outlier_auroc/letters": 0.5}
        with reopened_run(SETTINGS, recorder.run_id(), TRAIN) as evaluate:
            evaluate.record(
                EvaluationMetrics(figures, "mnist-test", digest * 64, "test.npz", {"test": 5})
            )
        runs[recorder.run_id()] = accuracy
    experiment = client.get_experiment_by_name("ranked").experiment_id
    data = {"dataset_name": "mnist-test", "dataset_digest": "c" * 32}
    found = client.search_logged_models(
        [experiment],
        filter_string="metrics.test_accuracy > 0",
        datasets=[data],
        order_by=[{"field_name": "metrics.test_accuracy", "ascending": False, **data}],
    )
    assert [runs[model.source_run_id] for model in found] == [0.9, 0.8, 0.7]
    assert all(model.name == "model" for model in found)
    run = client.get_run(found[0].source_run_id)
    assert run.data.metrics["outlier_auroc/letters"] == 0.5
    (given,) = run.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("mnist-test", "c" * 32)
    assert [(tag.key, tag.value) for tag in given.tags] == [("mlflow.data.context", "evaluation")]


def test_figures_of_a_run_that_lost_its_network_are_those_of_the_run(client):
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(
            EvaluationMetrics({"test_accuracy": 0.9}, "mnist-test", "c" * 64, "t.npz", {"test": 5})
        )
    assert client.get_run(recorder.run_id()).data.metrics == {"test_accuracy": 0.9}


def test_pictures_with_what_is_read_in_them_go_to_the_image_grid(client):
    captions = [["is 4, 1% sure", "read 9, 98%"]]
    with new_run(SETTINGS, TRAIN) as recorder:
        recorder.record(*(Readings("hardest digits", step, [EXAMPLE], captions) for step in (3, 6)))
    run = client.get_run(recorder.run_id())
    assert run.data.tags["mlflow.loggedImages"] == "True"
    kept = [file.path for file in client.list_artifacts(recorder.run_id(), "images")]
    whole = [path for path in kept if path.endswith(".png")]
    assert [path.partition("+timestamp")[0] for path in sorted(whole)] == [
        "images/hardest digits+step+3", "images/hardest digits+step+6"
    ]  # fmt: skip
