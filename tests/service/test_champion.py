"""The service follows the champion, survives a registry that is gone, and reads with any run."""

import copy
import threading

import pytest
from support.registry import recorded_networks
from support.service import running

from pipeline import register
from pipeline.config.checking import validate
from pipeline.register import RegisterOptions
from pipeline.service import app as service_app
from pipeline.service.networks import Networks
from pipeline.system.errors import InputError
from pipeline.tracking.registry import champions

WRONG = {"first": 20, "second": 2}


@pytest.fixture(scope="module")
def registry(tmp_path_factory, default_tree):
    """Record two networks, register the worse one; return the configuration and the runs' ids."""
    place, config = tmp_path_factory.mktemp("registry"), validate(default_tree)
    with recorded_networks(place, config.tracking, WRONG) as runs:
        register.run(config, RegisterOptions(run=runs["first"]))
        yield config, runs


def test_when_the_champion_moves_the_next_answers_are_its_and_no_request_fails(
    registry, default_tree, seven, monkeypatch
):
    config, runs = registry
    monkeypatch.setattr(service_app, "REFRESH_SECONDS", 0.1)
    answers, stop = [], threading.Event()
    with running(copy.deepcopy(default_tree)) as client:

        def ask_on():
            while not stop.is_set():
                status, content = client.post("/read", seven)
                answers.append((status, status == 200 and content["network"]["name"]))

        asking = threading.Thread(target=ask_on)
        asking.start()
        register.run(config, RegisterOptions(run=runs["second"]))
        while answers[-1][1] != "models:/digits/2" and len(answers) < 100_000:
            stop.wait(0.1)
        stop.set()
        asking.join()
        assert {status for status, _ in answers} == {200}
        assert [name for _, name in answers] == sorted(name for _, name in answers)
        assert answers[0][1] == "models:/digits/1"
        assert client.get("/version")[1]["test_accuracy"] == pytest.approx(0.99)
        assert client.get("/version?network=1")[1]["run_id"] == runs["first"]
        assert client.get(f"/version?network={runs['first']}")[1]["name"] == runs["first"]
        names = ["champion", "models:/digits/2", "models:/digits/1", "local"]
        assert client.get("/networks")[1]["names"] == names


def test_the_champion_of_last_time_answers_while_the_registry_does_not(
    registry, default_tree, caplog, monkeypatch
):
    config, _ = registry
    networks = Networks(config.tracking)
    networks.refresh()
    networks.close()
    today = networks.current
    again = Networks(config.tracking)
    try:
        again.remember()
        assert again.current.name == today.name

        def silent(*_):
            raise InputError("the server does not answer")

        monkeypatch.setattr(again, "_ask", silent)
        again.refresh()
        again.refresh()
        assert again.current.name == today.name
        assert [record.message for record in caplog.records] == [
            f"the server does not answer; answering with {today.name} meanwhile"
        ]
    finally:
        again.close()


def test_where_there_was_no_champion_the_network_in_models_answers_at_once(
    models, default_tree, tmp_path, monkeypatch
):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    networks = Networks(validate(default_tree).tracking)
    networks.remember()
    assert networks.current is None
    networks.refresh()
    networks.close()
    again = Networks(validate(default_tree).tracking)
    again.remember()
    again.close()
    assert again.current.name == networks.current.name == "local"


def test_a_rollback_is_followed_too(registry):
    config, _ = registry
    networks = Networks(config.tracking)
    try:
        networks.refresh()
        before = networks.current.name
        from mlflow import MlflowClient

        from pipeline.tracking.addresses import uri_to_read

        champions.Champions(MlflowClient(uri_to_read(config.tracking))).roll_back()
        networks.refresh()
        assert (before, networks.current.name) == ("models:/digits/2", "models:/digits/1")
    finally:
        networks.close()
