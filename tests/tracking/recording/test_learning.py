"""Records of data, networks and what these read, as MLflow's own API reads them back."""

import sys
from pathlib import Path

from support.recording import EXAMPLE, SETTINGS, TRAIN

from pipeline.tracking.names import DATA_DIGEST_TAG, data_experiment
from pipeline.tracking.recording.learning import (
    DatasetInput,
    EvaluationMetrics,
    KerasModel,
    Readings,
)
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import new_run, reopened_run
from pipeline.tracking.recording.records import Metrics, Tags


def test_training_is_linked_to_the_run_that_prepared_its_data(client):
    request = RunRequest(data_experiment(SETTINGS), "mnist", {})
    with new_run(SETTINGS, request) as prepare:
        prepare.record(Tags({DATA_DIGEST_TAG: "b" * 64}))
    with new_run(SETTINGS, TRAIN) as train:
        train.record(DatasetInput("mnist", "b" * 64, "data/prepared", {}))
    assert client.get_run(train.run_id()).data.tags["data_run_id"] == prepare.run_id()


def test_a_keras_model_is_kept_with_its_signature_and_what_it_requires(
    client, keras_file, monkeypatch
):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)  # of an earlier test
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


def test_networks_are_ranked_by_what_they_reached_on_a_test_set(client, keras_file):
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
