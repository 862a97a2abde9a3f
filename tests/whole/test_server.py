"""What the README types, with an MLflow server; and a server and the local store in turn."""

import numpy as np
import pytest
from soak import outages
from support.projects import SMALL, Project
from support.recording import EXAMPLE, TRAIN, Proxy, contents, of_each_kind
from support.servers import MlflowServer

from pipeline.config.composing import compose
from pipeline.config.params import dump
from pipeline.config.schema import Tracking
from pipeline.digits.splits import digest, load_split, save_split
from pipeline.tracking.models import fetch_keras_model
from pipeline.tracking.recording.journal import store_folder
from pipeline.tracking.recording.learning import KerasModel
from pipeline.tracking.recording.notices import waiting
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.starting import deliver_waiting

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory):
    """Run an MLflow server on a store of its own."""
    with MlflowServer(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def server(mlflow_server):
    """Return the address of the server."""
    return mlflow_server.address


@pytest.fixture(scope="module")
def project(tmp_path_factory, server):
    """Return a project in which a small network was trained, recorded by the server."""
    project = Project(tmp_path_factory.mktemp("project"))
    (project.folder / "params.yaml").write_text(dump(compose([*SMALL, "train.epochs=1"])))
    project.run("python", "-m", "pipeline.stages.prepare", "tracking.enabled=false")
    project.run("python", "-m", "pipeline.stages.train", f"tracking.uri={server}")
    return project


def test_a_server_keeps_a_training_and_its_network(project, server, tmp_path):
    from mlflow import MlflowClient

    test_file = project.folder / "data/prepared/test.npz"
    kept_aside = load_split(test_file)
    smaller = kept_aside.take(np.arange(100))
    save_split(smaller, test_file)
    project.run("python", "-m", "pipeline.stages.evaluate", f"tracking.uri={server}")
    run = MlflowClient(server).get_run(project.run_id())
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test_pictures"] == 100
    (best,) = MlflowClient(server).search_logged_models(
        [run.info.experiment_id],
        datasets=[{"dataset_name": "mnist-5000-test", "dataset_digest": digest([smaller])[:32]}],
        order_by=[{"field_name": "metrics.test_accuracy", "ascending": False}],
    )
    assert best.source_run_id == project.run_id()
    # What it is measured on later tells nothing of what it has learnt from.
    assert run.data.tags["unseen_test_digest"] == digest([kept_aside])
    settings = Tracking(enabled=True, uri=server, experiment="digits")
    fetched = fetch_keras_model(settings, project.run_id(), tmp_path)
    assert fetched.read_bytes() == (project.folder / "models/model.keras").read_bytes()


def test_networks_go_to_a_server_and_the_local_store_in_turn(project, server, monkeypatch):
    from mlflow import MlflowClient

    monkeypatch.setenv("DVC_ROOT", str(project.folder))
    here = f"sqlite:///{project.folder / 'mlflow.db'}"
    for uri in (here, server, here):
        settings = Tracking(enabled=True, uri=uri, experiment="digits")
        with new_run(settings, RunRequest("digits", "a network", {})) as recorder:
            recorder.record(KerasModel.at(project.folder / "models/model.keras", (10,), EXAMPLE))
        run = MlflowClient(uri).get_run(recorder.run_id())
        (output,) = run.outputs.model_outputs
        model = MlflowClient(uri).get_logged_model(output.model_id)
        assert model.experiment_id == run.info.experiment_id


OUTAGES = {
    "gone": {"room": 0},
    "stopped": {"is_stopped": True},
    "answers 500": {"is_ill": True},
    "resets in a request": {"room": 3000},
    "resets in an upload": {"room": 30_000},
}


@pytest.mark.long
def test_a_run_is_whole_whatever_befalls_its_server(server, tmp_path, monkeypatch, caplog):
    from mlflow import MlflowClient

    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")
    (tmp_path / "chart.txt").write_text("a chart" * 1000)
    (tmp_path / "model.keras").write_bytes(b"a network" * 1000)
    records = of_each_kind(tmp_path / "chart.txt", tmp_path / "model.keras")
    client, proxy = MlflowClient(server), Proxy(int(server.rpartition(":")[2]))

    def record(address, outage):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        settings = Tracking(enabled=True, uri=None, experiment="digits")
        with new_run(settings, TRAIN) as recorder:
            recorder.record(*records[:6])
            recorder.run_id()
            vars(proxy).update(outage)
            recorder.record(*records[6:-1])
        lines = waiting()
        proxy.heal()
        assert deliver_waiting(settings)
        experiment = client.get_experiment_by_name("digits").experiment_id
        (run,) = client.search_runs([experiment], f"tags.run_key = '{recorder.key}'")
        found = contents(client, run.info.run_id)
        assert found.pop("status")[0] == "FINISHED"
        return found, lines

    whole, lines = record(server, {})
    assert lines == []
    for name, outage in OUTAGES.items():
        found, lines = record(proxy.address, outage)
        assert found == whole, name
        assert lines, name
        assert f"of 1 run wait for {proxy.address}" in lines[0], name
    assert len(caplog.messages) == 1
    assert list(store_folder(proxy.address).glob("*.jsonl")) == []


@pytest.mark.long
def test_runs_are_whole_after_a_server_was_killed_and_stopped_at_random(mlflow_server, tmp_path):
    """`make soak` does it with many seeds."""
    assert outages.disturbed(mlflow_server, tmp_path, seed=1, strikes=2)[0] == []


def typed(project, server, command, *arguments):
    return project.run("python", "-m", f"pipeline.{command}", *arguments, f"tracking.uri={server}")


def test_the_registry_is_kept_by_a_server(project, server):
    """A server asks for more than the local store does."""
    from mlflow import MlflowClient

    client = MlflowClient(server)
    told = typed(project, server, "register", "run=best")
    assert "best of 1 training on mnist-5000 with 500 validation pictures" in told
    assert "champion is version 1, the first one" in told
    assert "already version 1" in typed(project, server, "register", f"run={project.run_id()}")
    experiment = client.get_experiment_by_name("digits").experiment_id
    readers = client.search_logged_models([experiment], "name = 'reader'")
    version = client.get_model_version_by_alias("digits", "champion")
    assert [f"models:/{model.model_id}" for model in readers] == [version.source]
    champion = "predict.model=models:/digits@champion"
    read = typed(project, server, "stages.predict_custom", champion, "predict.output=read")
    assert "26 pictures" in read


def test_a_server_keeps_sweeps_and_searches_and_what_is_made_of_them(project, server):
    from mlflow import MlflowClient

    grid = [*SMALL, "train.epochs=1", "model.hidden_units=[8],[12]"]
    assert "best by validation" in typed(project, server, "sweep", *grid)
    small = [*SMALL, "search.trials=1", "search.study=one"]
    typed(project, server, "search", *small)
    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("digits").experiment_id
    trials = client.search_runs([experiment], "tags.stage = 'trial'")
    assert len(trials) == 3
    assert "params.yaml" in typed(project, server, "promote", f"run={trials[0].info.run_id}")
    assert "report on 4 experiments" in typed(project, server, "report")


def test_a_training_starts_from_a_run_of_a_server(project, server):
    (project.folder / "params.yaml").write_text(dump(compose([*SMALL, "train.epochs=1"])))
    start = f"train.init_from={project.run_id()}"
    assert "1 epoch" in typed(project, server, "stages.train", start)
