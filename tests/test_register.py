"""The registry, driven as a user drives it, with a worse, an equal and a better network."""

import json
import logging
import threading
from pathlib import Path

import pytest
from support.registry import record_network, recorded_networks

from pipeline import register
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.digits.significance import P_VALUE_NAME
from pipeline.digits.splits import digest, load_split
from pipeline.register import RegisterOptions
from pipeline.stages.training_run import unseen_test_set
from pipeline.system.errors import InputError
from pipeline.tracking.registry.names import REGISTERED_MODEL

# How many of the first test pictures each network reads wrong.
WRONG = {"champion": 20, "equal": 22, "better": 2, "worse": 60}
ELSEWHERE = "from elsewhere"  # a network as good as the better one, from other data


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with one store, prepared data and runs for all tests."""
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def config():
    return validate(compose([]))


@pytest.fixture(scope="module", autouse=True)
def runs(place, config):
    """Record a finished run for each network; return their ids."""
    with recorded_networks(place, config.tracking, WRONG) as ids:
        row = list(WRONG).index("better")
        yield ids | {ELSEWHERE: record_network(config.tracking, place, ELSEWHERE, row, wrong=30)}


@pytest.fixture(scope="module")
def client(place, runs):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{place / 'mlflow.db'}")


@pytest.fixture
def register_run(config, caplog):
    """Return a function that runs the command and returns its one log message."""
    caplog.set_level(logging.INFO, logger="pipeline.register")

    def run(**options):
        caplog.clear()
        register.run(config, RegisterOptions(**options))
        *chosen, line = [each.message for each in caplog.records if each.name == register.__name__]
        assert len(chosen) == (options.get("run") == "best")
        return line

    return run


def champion(client):
    return int(client.get_model_version_by_alias(REGISTERED_MODEL, "champion").version)


def test_the_story_of_a_champion(client, runs, register_run):
    """One story, since every step needs those before it."""
    with pytest.raises(InputError, match="no earlier champion"):
        register_run(rollback=True)
    assert register_run(run=runs["champion"]) == "champion is version 1, the first one"
    assert champion(client) == 1

    message = register_run(run=runs["worse"])
    assert "stays version 1: version 2 is worse" in message
    assert "0 are read right only by version 2 and 40 only by version 1" in message
    assert champion(client) == 1

    message = register_run(run=runs["equal"])
    assert "stays version 1: version 3 is not significantly different" in message
    assert "≥ 0.05" in message
    assert champion(client) == 1

    assert "proves nothing" in register_run(run=runs[ELSEWHERE])
    assert champion(client) == 1

    message = register_run(run="best")
    assert message.startswith("champion is version 5 (was 1), which is better")
    assert "18 are read right only by version 5" in message
    assert champion(client) == 5
    assert int(client.get_model_version_by_alias(REGISTERED_MODEL, "previous").version) == 1
    assert client.get_model_version(REGISTERED_MODEL, "5").tags["decision"] == message

    assert "is already version 5" in register_run(run=runs["better"])
    assert "is worse" in register_run(run=runs["champion"])
    assert len(client.search_model_versions(f"name = '{REGISTERED_MODEL}'")) == 5

    assert register_run(rollback=True) == "champion is version 1 again (was 5)"
    assert champion(client) == 1
    assert "previous" not in client.get_registered_model(REGISTERED_MODEL).aliases
    with pytest.raises(InputError, match="no earlier champion"):
        register_run(rollback=True)
    assert "champion is version 5 (was 1)" in register_run(run="best")


def test_a_comparison_is_kept_with_the_candidate(client, runs, tmp_path):
    folder = "register/version_5_against_1"
    names = {item.path for item in client.list_artifacts(runs["better"], folder)}
    assert names == {f"{folder}/comparison.json", f"{folder}/disagreements.png"}
    path = client.download_artifacts(runs["better"], f"{folder}/comparison.json", str(tmp_path))
    numbers = json.loads(Path(path).read_text())
    assert numbers["only_candidate_right"] == list(range(2, 20))
    assert numbers["only_champion_right"] == []
    assert numbers["test"] == P_VALUE_NAME
    page = client.get_model_version(REGISTERED_MODEL, "5").description
    assert f"run_uuid={runs['better']}" in page
    assert "**99.00 %** of test digits right" in page


def test_registering_leaves_the_run_as_it_was(client, runs):
    run = client.get_run(runs["better"])
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time < 20_000


def test_it_must_be_said_what_is_registered(config):
    with pytest.raises(InputError, match="nothing to register"):
        register.run(config, RegisterOptions())


def test_a_network_is_not_known_to_be_new_to_the_test_set_but_through_all_its_weights(
    place, config, runs
):
    """Those it starts from may have learnt from these very pictures."""

    def unseen(init_from):
        settings = config.train.model_copy(update={"init_from": init_from})
        return unseen_test_set(config.model_copy(update={"train": settings}))

    prepared = digest([load_split(place / "test.npz")])
    file = place / "weights.keras"
    file.touch()
    assert unseen(None) == prepared
    assert unseen(runs["better"]) == prepared
    assert unseen(runs[ELSEWHERE]) is None
    assert unseen(str(file)) is None


def test_two_who_register_the_same_run_at_once_make_one_version(client, config, place):
    unseen = digest([load_split(place / "test.npz")])
    row = list(WRONG).index("worse")
    late = record_network(config.tracking, place, "late", row, WRONG["worse"], unseen)
    options = RegisterOptions(run=late)
    both = [threading.Thread(target=register.run, args=(config, options)) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    (version,) = (
        each
        for each in client.search_model_versions(f"name = '{REGISTERED_MODEL}'")
        if each.run_id == late
    )
    assert "is worse" in version.tags["decision"]
    assert client.get_logged_model(version.source.removeprefix("models:/"))
