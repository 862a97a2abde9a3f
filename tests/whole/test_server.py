"""A training and its network on an MLflow server, and on the local store in turn."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from support.projects import SMALL, Project, answers, free_port, wait_for
from support.recording import EXAMPLE

from pipeline.config.composing import compose
from pipeline.config.params import dump
from pipeline.config.schema import Tracking
from pipeline.digits.splits import digest, load_split, save_split
from pipeline.tracking.models import fetch_keras_model
from pipeline.tracking.recording.learning import KerasModel
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import new_run

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Run an MLflow server on a store of its own; return its address."""
    place, port = tmp_path_factory.mktemp("server"), free_port()
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{place / 'server.db'}"),
            *("--artifacts-destination", str(place / "artifacts")),
        ],
        cwd=place,
        env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            wait_for(lambda: answers(f"http://127.0.0.1:{port}/health"), 240)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)


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
