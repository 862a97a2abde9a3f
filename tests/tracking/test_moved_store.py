"""A local store goes with its project, and a copy has artifacts of its own."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.recording import SETTINGS, recorded_training
from support.registry import record_network

from pipeline.tracking.addresses import local_store
from pipeline.tracking.registry.fetching import fetch_network
from pipeline.tracking.registry.registry import Registry
from pipeline.tracking.store import LOCATIONS, open_store


@pytest.fixture(scope="module")
def made(tmp_path_factory, store):
    """Return a project whose champion was registered."""
    place, networks = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("networks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(store))
        recorded_training()
        shutil.copy(store / "mlflow.db", place)  # making one anew takes seconds
        patch.setenv("DVC_ROOT", str(place))
        run = record_network(SETTINGS, networks, "one", 0, 1)
        registry = Registry.open(SETTINGS)
        network = networks / "one" / "model.onnx"
        version = registry.versions.find_or_create(registry.candidates.find(run), network, 0.7)
        registry.champions.set_champion(version)
    return place


@pytest.fixture(params=["copied", "moved"])
def elsewhere(request, made, tmp_path, monkeypatch):
    """Return where the project is now, without having opened its store there."""
    place = tmp_path / "a place's name: 100%25 #1 [new] {число}?"
    shutil.copytree(made, place)
    monkeypatch.setenv("DVC_ROOT", str(place))
    if request.param == "moved":
        made.rename(made.with_name("gone"))
    yield place
    if request.param == "moved":
        made.with_name("gone").rename(made)


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def locations(project):
    with closing(sqlite3.connect(project / "mlflow.db")) as database:
        return [
            str(row[0])
            for table, column in LOCATIONS
            for row in database.execute(f"select {column} from {table}")
        ]


def test_the_champion_is_found_and_runs_are_written_where_the_project_is(made, elsewhere):
    before = files(made)
    network, run_id = fetch_network(SETTINGS, "models:/digits@champion")
    assert network.is_file()
    assert run_id
    again = record_network(SETTINGS, elsewhere, "two", 0, 2)
    run = open_store(local_store(), SETTINGS).get_run(again)
    assert run.info.artifact_uri.startswith(elsewhere.as_uri())
    assert list((elsewhere / "mlartifacts").rglob(f"{again}/artifacts/train/model.onnx"))
    assert files(made) == before
    assert not any(str(made) in each for each in locations(elsewhere))


def test_what_lies_outside_stays_as_it_is(elsewhere, made):
    outside = f"{made}-other/mlartifacts/x"
    with closing(sqlite3.connect(elsewhere / "mlflow.db")) as database, database:
        database.execute("update runs set artifact_uri = ?", [outside])
    open_store(local_store(), SETTINGS)
    assert outside in locations(elsewhere)


def test_another_path_to_the_same_project_changes_nothing(made, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(made)
    before = locations(made)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "link"))
    open_store(local_store(), SETTINGS)
    assert locations(made) == before
    assert Path(before[-1].removeprefix("file://")).is_relative_to(made)
