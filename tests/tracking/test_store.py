"""A store that cannot be opened is reported in one line; a store that can be is opened."""

import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from support.projects import free_port
from support.recording import SETTINGS, recorded_training

from pipeline.system.errors import InputError
from pipeline.tracking.addresses import local_store, tracking_uri
from pipeline.tracking.past_runs import read_trainings
from pipeline.tracking.registry.registry import Registry
from pipeline.tracking.store import open_store, shows_store


def cut_out(database):
    content = bytearray(database)
    middle = slice(len(content) // 4, len(content) // 2)
    content[middle] = b"?" * (middle.stop - middle.start)
    return bytes(content)


@pytest.mark.parametrize("damaged", [lambda _: b"junk" * 20, cut_out])
def test_a_damaged_store_is_reported_in_one_line(damaged, store, tmp_path, monkeypatch):
    recorded_training()
    (tmp_path / "mlflow.db").write_bytes(damaged((store / "mlflow.db").read_bytes()))
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for read in (lambda: read_trainings(SETTINGS, None, 1), lambda: Registry.open(SETTINGS)):
        with pytest.raises(
            InputError, match=r"MLflow cannot open this store|MLflow failed"
        ) as caught:
            read()
        assert "\n" not in str(caught.value)


def test_what_is_no_database_is_reported_with_its_place(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    damaged = tmp_path / "mlflow.db"
    damaged.write_bytes(b"no database" * 1000)
    with pytest.raises(InputError, match="not a database") as caught:
        open_store(f"sqlite:///{damaged}", SETTINGS)
    assert str(damaged) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_in_the_place_of_the_store_is_reported_at_once(tmp_path, monkeypatch):
    (tmp_path / "mlflow.db").mkdir()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr("mlflow.MlflowClient", pytest.fail)  # it would try for two minutes
    with pytest.raises(InputError, match="MLflow cannot open this store"):
        Registry.open(SETTINGS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_in_a_folder_that_is_not_writable_is_reported_at_once(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="is not writable"):
        open_store(f"sqlite:///{tmp_path}/other.db", SETTINGS)


def test_a_store_of_another_version_of_mlflow_is_told_what_to_do(store, tmp_path, monkeypatch):
    recorded_training()
    shutil.copy(store / "mlflow.db", tmp_path)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database, database:
        database.execute("update alembic_version set version_num = 'of_tomorrow'")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    with pytest.raises(InputError, match=r"`mlflow db upgrade .*mlflow\.db`, update MLflow"):
        Registry.open(SETTINGS)


def test_an_address_that_means_nothing_to_mlflow_is_reported_in_one_line():
    with pytest.raises(InputError, match="foo://x: MLflow cannot open") as caught:
        open_store("foo://x", SETTINGS)
    assert "\n" not in str(caught.value)


HALF_WRITTEN = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("pragma cache_size = 1")  # pages are in the file before the transaction ends
database.execute("begin")
database.execute("create table more (text)")
for number in range(1000):
    database.execute("insert into more values (?)", ["x" * 1000])
os.kill(os.getpid(), 9)
"""


def test_a_store_whose_writer_was_killed_is_opened_again(store, tmp_path, monkeypatch):
    recorded_training()
    copy = tmp_path / "mlflow.db"
    shutil.copy(store / "mlflow.db", copy)
    subprocess.run([sys.executable, "-c", HALF_WRITTEN, copy], check=False)
    assert copy.with_name("mlflow.db-journal").stat().st_size > 0
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    open_store(tracking_uri(SETTINGS), SETTINGS)


@pytest.mark.parametrize(("changed", "expected"), [({}, True), ({"creation_time": 1}, False)])
def test_a_server_is_known_by_the_experiment_it_shows(client, changed, expected, monkeypatch):
    recorded_training()
    ours = client.get_experiment_by_name("digits")
    told = {key: getattr(ours, key) for key in ("artifact_location", "creation_time")} | changed
    reply = io.BytesIO(json.dumps({"experiment": told}).encode())
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: reply)
    assert shows_store("http://127.0.0.1:1", local_store(), SETTINGS) == expected


def test_what_does_not_answer_shows_no_store():
    address = f"http://127.0.0.1:{free_port()}"
    assert not shows_store(address, local_store(), SETTINGS)
