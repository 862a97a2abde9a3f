"""One process at a time registers; what a killed one left keeps nobody out."""

import json
import os
import socket
import threading
import time

import pytest

from pipeline.system.errors import InputError
from pipeline.tracking.registry import alone as module
from pipeline.tracking.registry.alone import alone
from pipeline.tracking.registry.names import LOCK_MODEL


@pytest.fixture(autouse=True)
def quick(client, monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.02)
    yield
    assert client.search_registered_models(f"name = '{LOCK_MODEL}'") == []


def test_several_take_turns(client):
    inside, seen = [], []

    def work():
        with alone(client):
            inside.append(1)
            time.sleep(0.05)
            seen.append(len(inside))
            inside.pop()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert seen == [1] * 4


def test_a_lock_that_is_given_up_as_one_asks_for_it_is_asked_for_again(client, monkeypatch):
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

    create = client.create_registered_model

    def too_late(*arguments, **options):
        monkeypatch.setattr(client, "create_registered_model", create)
        raise MlflowException("not found", RESOURCE_DOES_NOT_EXIST)

    monkeypatch.setattr(client, "create_registered_model", too_late)
    with alone(client):
        pass


def test_who_waits_too_long_is_told_in_one_line(client, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    with (
        alone(client),
        pytest.raises(InputError, match=rf"^somebody else .*{LOCK_MODEL}[^\n]*$"),
        alone(client),
    ):
        pass


def test_a_failure_leaves_no_lock(client):
    with pytest.raises(KeyError), alone(client):
        raise KeyError


@pytest.mark.parametrize(
    "owner",
    [
        {"host": socket.gethostname(), "process": 2**22 + 1, "began": 1.0},
        {"host": socket.gethostname(), "process": os.getpid(), "began": 1.0},  # a number reused
    ],
    ids=["gone", "reused"],
)
def test_the_lock_of_a_killed_process_is_dropped_at_once(client, owner, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    client.create_registered_model(LOCK_MODEL, description=json.dumps(owner))
    with alone(client):
        pass


def test_that_of_another_machine_is_dropped_after_its_time(client, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    client.create_registered_model(LOCK_MODEL, description='{"host": "elsewhere"}')
    with pytest.raises(InputError), alone(client):
        pass
    monkeypatch.setattr(module, "LONGEST", -1.0)
    with alone(client):
        pass
