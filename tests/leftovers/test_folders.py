"""Of what sweeps and trainings left, that of deleted runs goes; what others share stays."""

import json

import pytest

from pipeline.leftovers import folders as module
from pipeline.leftovers.folders import leftovers_of_sweeps, other_leftovers
from pipeline.tracking.cleaning.known import KnownRuns
from pipeline.tracking.registry.fetching import cache_name

ALIVE, DEAD, UNKNOWN = "1" * 32, "2" * 32, "3" * 32
KNOWN = KnownRuns(frozenset({ALIVE}), frozenset({DEAD}))


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return tmp_path


def write(path, content=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def sweep(project, name, run_id, *trials):
    state = {"run_id": run_id, "runs": dict.fromkeys(trials, "x"), "complete": True}
    write(project / ".sweeps" / name / "sweep.json", json.dumps(state))
    for trial in trials:
        write(project / ".sweeps" / "trials" / f"{trial}.json")
    return project / ".sweeps" / name


def paths(leftovers):
    return {path for each in leftovers for path in each.paths}


def test_a_sweep_goes_with_its_run_but_not_a_trial_that_another_one_shares(project):
    dead = sweep(project, "dead", DEAD, "own", "shared")
    sweep(project, "alive", ALIVE, "shared")
    sweep(project, "elsewhere", UNKNOWN, "theirs")
    sweep(project, "unrecorded", None, "silent")
    write(project / ".sweeps" / "trials" / "of a search.json")
    own = project / ".sweeps" / "trials" / "own.json"
    assert paths(leftovers_of_sweeps(KNOWN)) == {dead, own}


def test_copies_of_data_go_and_what_searches_and_the_best_need_stays(project):
    data = write(project / ".sweeps" / "data" / "0123" / "dataset.json").parent
    for name in ("best.json", "search.db", "search-mlp/results.csv", "multirun.yaml"):
        write(project / ".sweeps" / name)
    assert paths(leftovers_of_sweeps(KNOWN)) == {data}


def test_an_interrupted_training_goes_with_its_run(project):
    for name, run_id in (("a", ALIVE), ("b", DEAD), ("c", UNKNOWN)):
        write(project / ".checkpoints" / name / "run_id.txt", run_id)
    write(project / ".checkpoints" / "unrecorded" / "checkpoint.npz")
    assert paths(other_leftovers(KNOWN, None)) == {project / ".checkpoints" / "b"}


def test_a_fetched_network_goes_when_no_version_is_of_it(project):
    for name in ("m-1", "m-2"):
        write(project / ".registry" / cache_name(name) / "model.onnx")
    assert paths(other_leftovers(KNOWN, {"m-1"})) == {project / ".registry" / cache_name("m-2")}
    assert paths(other_leftovers(KNOWN, None)) == set()


def test_a_past_experiment_outside_the_order_goes(project):
    for name in ("kept", "forgotten", ".half-written"):
        write(project / ".history" / f"{name}.json", "{}")
    write(project / ".history" / "order.json", json.dumps({"order": ["kept"]}))
    gone = {project / ".history" / name for name in ("forgotten.json", ".half-written.json")}
    assert paths(other_leftovers(KNOWN, None)) == gone


def test_checkouts_of_killed_experiments_of_dvc_go_and_its_queue_stays(project):
    """Guards where DVC keeps them: see its TempDirExecutor and its queues."""
    from dvc.repo.experiments.queue.tempdir import _STANDALONE_TMP_DIR
    from dvc.repo.experiments.utils import EXEC_TMP_DIR

    exps = project / ".dvc" / "tmp" / EXEC_TMP_DIR
    gone = {exps / "tmpab12", project / ".dvc" / "tmp" / _STANDALONE_TMP_DIR / "tmpcd34"}
    for folder in (*gone, exps / "celery" / "broker", exps / "run", exps / "cache"):
        write(folder / "models" / "model.onnx")
    assert paths(other_leftovers(KNOWN, None)) == gone


def test_hydras_folders_go_unless_there_is_anything_of_ones_own(project):
    write(project / "outputs" / "2026" / ".hydra" / "config.yaml")
    write(project / "outputs" / "2026" / "job.log")
    write(project / "multirun" / "2026" / "multirun.yaml")
    write(project / "multirun" / "2026" / "0" / "thesis.txt")
    assert paths(other_leftovers(KNOWN, None)) == {project / "outputs"}
