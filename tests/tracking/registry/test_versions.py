"""The versions of the registered model and their pages."""

import pytest
from PIL import Image
from support.registry import record_network

from pipeline.tracking.registry.names import REGISTERED_MODEL


def test_a_run_is_registered_once(registry, registered, networks, client):
    candidate = registry.candidates.find(registered.runs["good"])
    again = registry.versions.find_or_create(candidate, networks / "good" / "model.onnx", 0.7)
    assert again == registered.versions["good"]
    version = client.get_model_version(REGISTERED_MODEL, str(again))
    assert version.run_id == registered.runs["good"]


def test_a_try_that_fails_leaves_no_model_behind(registry, settings, networks, client, monkeypatch):
    run_id = record_network(settings, networks, "twice", 0, 2)
    candidate, network = registry.candidates.find(run_id), networks / "twice" / "model.onnx"
    experiment = client.get_run(run_id).info.experiment_id

    def models():
        return client.search_logged_models([experiment], f"source_run_id = '{run_id}'")

    def create():
        return registry.versions.find_or_create(candidate, network, 0.7)

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.MlflowClient.create_model_version", interrupt)
        with pytest.raises(KeyboardInterrupt):
            create()
        assert not models()
        patch.setattr("mlflow.MlflowClient.delete_logged_model", lambda *_: None)  # killed before
        with pytest.raises(KeyboardInterrupt):
            create()
        assert len(models()) == 1
    version = str(create())
    (model,) = models()
    source = client.get_model_version(REGISTERED_MODEL, version).source
    assert source == f"models:/{model.model_id}"
    client.delete_model_version(REGISTERED_MODEL, version)


def test_what_one_may_not_delete_keeps_nobody_from_registering(
    registry, settings, networks, client, monkeypatch
):
    """On a server one may register a run of others, but not delete what their try has left."""
    run_id = record_network(settings, networks, "shared", 0, 2)
    candidate, network = registry.candidates.find(run_id), networks / "shared" / "model.onnx"
    with monkeypatch.context() as patch:
        patch.setattr("mlflow.MlflowClient.create_model_version", interrupt)
        patch.setattr("mlflow.MlflowClient.delete_logged_model", refuse)
        with pytest.raises(KeyboardInterrupt):
            registry.versions.find_or_create(candidate, network, 0.7)
        patch.undo()
        patch.setattr("mlflow.MlflowClient.delete_logged_model", refuse)
        version = registry.versions.find_or_create(candidate, network, 0.7)
    client.delete_model_version(REGISTERED_MODEL, str(version))


def interrupt(*_, **__):
    raise KeyboardInterrupt


def refuse(*_, **__):
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    raise MlflowException("no", PERMISSION_DENIED)


def test_the_model_tells_how_to_load_its_champion(registered, client):
    about = client.get_registered_model(REGISTERED_MODEL).description
    assert 'load_model("models:/digits@champion")' in about


def test_the_page_of_a_version_has_its_numbers_the_decision_and_the_plot(
    registry, registered, client, tmp_path
):
    candidate = registry.candidates.find(registered.runs["better"])
    version = registered.versions["better"]
    Image.new("RGB", (1200, 900)).save(tmp_path / "disagreements.png")
    registry.candidates.add_files(candidate, [tmp_path / "disagreements.png"], "register")
    registry.versions.describe(version, candidate, "it is better", "register/disagreements.png")
    described = client.get_model_version(REGISTERED_MODEL, str(version))
    head, beyond, decision, plot = described.description.split("\n\n")
    assert head.startswith("better · **99.00 %** of test digits right")
    assert beyond == "75.0 % of corrupted digits right"
    assert described.tags["test_accuracy"] == "0.9900"
    assert described.tags["corrupted_accuracy"] == "0.7500"
    assert decision == described.tags["decision"] == "it is better"
    assert "path=page%2Fregister%2Fdisagreements.png" in plot
    assert f"run_uuid={registered.runs['better']}" in plot


def test_the_model_of_a_version_has_its_figures(registered, client):
    version = client.get_model_version(REGISTERED_MODEL, str(registered.versions["better"]))
    model = client.get_logged_model(version.source.removeprefix("models:/"))
    figures = {metric.key: metric.value for metric in model.metrics}
    assert (figures["test_accuracy"], figures["corrupted_accuracy"]) == (0.99, 0.75)


def test_the_network_of_a_version_is_fetched(registry, registered, networks, tmp_path):
    network = registry.versions.download(registered.versions["better"], tmp_path)
    assert network.name == f"version_{registered.versions['better']}.onnx"
    assert network.read_bytes() == (networks / "better" / "model.onnx").read_bytes()
