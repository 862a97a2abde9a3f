"""The registered model under MLflow's own server, and the service, answer the same over HTTP."""

import base64
import copy
import json
import os
import signal
import subprocess
import sys

import pytest
from support.projects import answers, free_port, wait_for
from support.registry import recorded_networks
from support.service import Client, running

from pipeline import register
from pipeline.config.checking import validate
from pipeline.config.places import ROOT
from pipeline.register import RegisterOptions

pytestmark = pytest.mark.end_to_end

MODEL = "models:/digits@champion"


@pytest.fixture(scope="module")
def place(tmp_path_factory, default_tree):
    """Register a network in a store of its own; return the store's folder."""
    place, config = tmp_path_factory.mktemp("registry"), validate(default_tree)
    with recorded_networks(place, config.tracking, {"network": 2}) as runs:
        register.run(config, RegisterOptions(run=runs["network"]))
        yield place


@pytest.fixture(scope="module")
def mlflow(place):
    """Serve the champion with `mlflow models serve`; return a client."""
    port = free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "models", "serve", "-m", MODEL),
            *("--env-manager", "local", "--port", str(port)),
        ],
        env=os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{place / 'mlflow.db'}"},
        cwd=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(lambda: server.poll() is not None or answers(f"http://127.0.0.1:{port}/ping"), 120)
        yield Client(port)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def test_both_servers_give_the_same_answers(mlflow, place, default_tree):
    pictures = sorted((ROOT / "data" / "custom").glob("*.*g"))[:5]
    content = [base64.b64encode(file.read_bytes()).decode() for file in pictures]
    blank = [[0] * 28] * 28
    forms = [
        {"inputs": content},
        {"dataframe_split": {"columns": ["picture"], "data": [[each] for each in content]}},
        {"dataframe_records": [{"picture": each} for each in content]},
        {"inputs": [blank, blank]},
        {"inputs": content, "params": {"unsure_below": 0.0}},
    ]
    with running(copy.deepcopy(default_tree)) as service:
        for form in forms:
            body = json.dumps(form)
            expected = mlflow.post("/invocations", body, Content_Type="application/json")
            assert service.post("/invocations", body) == expected
            assert expected[0] == 200
