"""What of DVC's cache goes and what stays; DVC's own layout of it is guarded here."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from pipeline.leftovers import cache as module
from pipeline.leftovers.cache import LINES_FOLDER, RUN_ID_FILE, Cache, Ran, cache_folder, needed
from pipeline.leftovers.removal import Leftovers

ALIVE, DEAD, UNKNOWN = "1" * 32, "2" * 32, "3" * 32
DATA = "data/prepared"


def ran(name, read=(), **wrote):
    return Ran(name, {str(each): each for each in read}, wrote)


def train(name, run_id, data="data-1"):
    return Ran(name, {DATA: data}, {RUN_ID_FILE: run_id, "models/model.onnx": f"network of {name}"})


def kept(entries, named=()):
    return {each.file for each in needed(entries, named, lambda run: run == ALIVE)}


def test_a_training_stays_with_its_run_and_goes_with_it():
    assert kept([train("one", ALIVE), train("two", DEAD)]) == {"one"}


def test_what_a_commit_names_stays_without_a_run():
    old = train("old", DEAD)
    assert kept([old], old.hashes()) == {"old"}
    assert kept([old], {"network of old"}) == set()


def test_what_wrote_the_same_of_data_that_nothing_needs_goes():
    """As train-lines does where there is no network for lines: the data would stay for it."""
    now = [ran("prepare", ["code"], data="data-1"), ran("lines", ["data-1"], lines="none")]
    old = [
        ran("prepare other", ["code"], data="data-2"),
        ran("lines too", ["data-2"], lines="none"),
    ]
    named = set().union(*(each.hashes() for each in now))
    assert kept([*now, *old], named) == {"prepare", "lines"}


def test_what_it_read_stays_and_so_does_what_was_made_of_it_alone():
    entries = [
        ran("prepare", ["code"], data="data-1", report="plots-1"),
        ran("prepare other", ["code"], data="data-2"),
        train("one", ALIVE),
        train("two", DEAD),
        ran("lines", ["data-1"], lines="lines-1"),
        ran("lines of other data", ["data-2"], lines="lines-2"),
        ran("evaluate", ["network of one", ALIVE, "lines-1"], report="e1"),
        ran("evaluate two", ["network of two", DEAD, "lines-1"], report="e2"),
        ran("predict", ["network of one", "lines-1"], report="p1"),
        ran("predict two", ["network of two", "lines-1"], report="p2"),
    ]
    assert kept(entries) == {"prepare", "one", "lines", "evaluate", "predict"}


def test_a_network_for_lines_stays_with_its_own_run_and_with_its_data():
    entries = [
        ran("prepare", ["code"], data="data-1"),
        Ran("lines", {DATA: "data-1"}, {LINES_FOLDER: ALIVE}),
        Ran("other lines", {DATA: "data-2"}, {LINES_FOLDER: DEAD}),
    ]
    assert kept(entries) == {"prepare", "lines"}


def test_the_run_of_a_network_for_lines_is_named_in_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ROOT", tmp_path)
    cache, folder, inside = Cache(tmp_path), f"{'d' * 32}.dir", "e" * 32
    listed = json.dumps([{"md5": inside, "relpath": "run_id.txt"}])
    for name, text in ((folder, listed), (inside, f"{ALIVE}\n")):
        cache.object(name).parent.mkdir(parents=True)
        cache.object(name).write_text(text)
    entry = tmp_path / "runs" / "aa" / "b" / "c"
    entry.parent.mkdir(parents=True)
    entry.write_text(f"outs: [{{path: {LINES_FOLDER}, md5: {folder}}}]\n")
    assert cache.unneeded(lambda run: run == ALIVE) == set()
    assert len(cache.unneeded(lambda run: run == DEAD)) == 3


STAGES = """
stages:
  train:
    cmd: mkdir -p models/more && cp id.txt models/run_id.txt && cp id.txt models/more/copy.txt
    deps: [id.txt]
    outs: [models/run_id.txt, models/more]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a project in which DVC ran a stage three times, each time with another run's id."""
    folder = tmp_path_factory.mktemp("made")
    dvc = [sys.executable, "-m", "dvc"]

    def run(*command):
        subprocess.run(
            [*dvc, *command], cwd=folder, check=True, capture_output=True, env=os.environ
        )

    run("init", "--no-scm", "-q")
    run("config", "core.analytics", "false")
    (folder / "dvc.yaml").write_text(STAGES)
    for run_id in (ALIVE, DEAD, UNKNOWN):
        (folder / "id.txt").write_text(f"{run_id}\n")
        run("repro", "-q")
    shutil.rmtree(folder / "models")
    (folder / "dvc.lock").unlink()
    return folder


def restored(made, run_id):
    """Return whether DVC brings the results of a run back from its cache."""
    (made / "id.txt").write_text(f"{run_id}\n")
    command = [sys.executable, "-m", "dvc", "repro"]
    done = subprocess.run(command, cwd=made, capture_output=True, text=True, check=True)
    return "is cached" in done.stdout


def test_dvc_brings_back_what_stays_and_not_what_goes(made, monkeypatch):
    """Guards DVC's layout: files/md5 for what stages wrote, and runs for what they read."""
    monkeypatch.setattr(module, "ROOT", made)
    folder = cache_folder(made)
    assert folder == made / ".dvc" / "cache", "DVC keeps its cache in another place now"
    assert list(folder.glob("runs/*/*/*")), "DVC keeps its run cache in another place now"
    assert list(folder.glob("files/md5/??/*.dir")), "DVC names folders in its cache otherwise now"
    cache = Cache(folder)
    assert cache.unneeded(lambda run: True) == set()
    Leftovers("", sorted(cache.unneeded(lambda run: run != DEAD))).remove()
    assert restored(made, ALIVE)
    assert restored(made, UNKNOWN)
    assert not restored(made, DEAD)


def test_a_damaged_file_of_the_run_cache_needs_nothing_and_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ROOT", tmp_path)
    damaged = tmp_path / "runs" / "aa" / "b" / "c"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    assert Cache(tmp_path).unneeded(lambda run: True) == {damaged}


def test_files_in_a_folder_that_a_commit_names_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ROOT", tmp_path)
    cache, folder, inside = Cache(tmp_path), f"{'d' * 32}.dir", "e" * 32
    for name, text in ((folder, json.dumps([{"md5": inside, "relpath": "x"}])), (inside, "x")):
        cache.object(name).parent.mkdir(parents=True)
        cache.object(name).write_text(text)
    assert cache.unneeded(lambda run: True) == {cache.object(folder), cache.object(inside)}
    (tmp_path / "dvc.lock").write_text(f"- md5: {folder}\n")
    assert cache.unneeded(lambda run: False) == set()


def test_a_cache_outside_the_project_may_be_of_others(tmp_path):
    project, elsewhere = tmp_path / "project", tmp_path / "shared"
    project.mkdir()
    dvc = [sys.executable, "-m", "dvc"]
    for command in (("init", "--no-scm", "-q"), ("cache", "dir", "--local", str(elsewhere))):
        subprocess.run([*dvc, *command], cwd=project, check=True, capture_output=True)
    assert cache_folder(project) is None
