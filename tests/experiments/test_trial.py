"""Many experiments without TensorFlow: what is the same trial, how results are put side by side."""

import copy
import dataclasses
import json
import multiprocessing
import os
import resource
import signal
import sys
from contextlib import contextmanager, nullcontext
from multiprocessing import forkserver
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline import sweep
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.digits.training.state import Epoch
from pipeline.experiments import forks as forks_module
from pipeline.experiments import running, trial
from pipeline.experiments.results import Result, load_best, ranked, rows, table, trial_name, varied
from pipeline.experiments.trial import Outcome, keep_outcome, load_outcome, make_trial
from pipeline.plots.sweep import pareto_front
from pipeline.stages import fingerprint
from pipeline.stages.prepared import DatasetInfo
from pipeline.sweep import State, plan, state_folder
from pipeline.system.errors import InputError
from pipeline.system.files import sole_user

SMALL = ("data=mnist_5000", "train.distortion=null")


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))


@pytest.fixture(scope="module")
def tree():
    return compose([*SMALL, "model.hidden_units=[16]"])


def changed(tree, section, **values):
    tree = copy.deepcopy(tree)
    tree[section].update(values)
    return tree


def outcome(accuracy, **other):
    metrics = {"val_accuracy": accuracy, "val_loss": 0.1, "test_accuracy": 0.9, "parameters": 10}
    return Outcome("finished", metrics=metrics, **other)


def test_equal_configurations_are_one_trial(tree):
    assert len(plan([tree, copy.deepcopy(tree)], threads=1)) == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda tree: changed(tree, "train", epochs=3),
        lambda tree: changed(tree, "model", hidden_units=[17]),
        lambda tree: {**tree, "seed": 7},
        lambda tree: changed(tree, "prepare", validation_size=100),
        lambda tree: changed(tree, "train", threads=2),
    ],
)
def test_what_changes_the_outcome_makes_another_trial(tree, other):
    assert make_trial(tree, 1).key != make_trial(other(tree), 1).key


def test_what_leaves_the_outcome_alone_makes_the_same_trial(tree):
    quiet = changed(tree, "tracking", enabled=False)
    assert make_trial(tree, 1).key == make_trial(changed(quiet, "predict", chunk_size=3), 1).key


def test_other_code_makes_another_trial(tree, monkeypatch):
    before = make_trial(tree, 1).key
    monkeypatch.setattr(fingerprint, "code_digest", lambda *_: "another")
    assert make_trial(tree, 1).key != before


def test_other_weights_to_start_from_make_another_trial(tree, tmp_path):
    weights = tmp_path / "model.keras"
    begun = changed(tree, "train", init_from=str(weights))
    keys = set()
    for content in (b"a", b"b"):
        weights.write_bytes(content)
        keys.add(make_trial(begun, 1).key)
    assert len(keys) == 2


def test_only_outcomes_of_trials_that_finished_are_kept():
    for status in ("stopped", "failed", "finished"):
        keep_outcome(status, Outcome(status))
    assert load_outcome("stopped") is load_outcome("failed") is None
    assert load_outcome("finished") == Outcome("finished")


def test_the_number_of_threads_is_written_down(tree):
    assert make_trial(tree, 2).config["train"]["threads"] == 2
    assert make_trial(changed(tree, "train", threads=3), 2).config["train"]["threads"] == 3


def test_an_invalid_configuration_is_told_with_its_place(tree):
    with pytest.raises(InputError, match=r"trial 2 of 2: train\.epochs=0"):
        plan([tree, changed(tree, "train", epochs=0)], threads=1)


def test_the_data_is_what_prepare_would_leave(tree):
    from pipeline.experiments.trial import _dataset
    from pipeline.stages.prepare import identify, split_dataset

    data = _dataset(json.dumps(tree["data"]))
    splits = split_dataset(data, tree["prepare"]["validation_size"], tree["seed"])
    assert DatasetInfo.load(make_trial(tree, 1).data) == identify(data, splits)


def test_an_outcome_is_kept_and_a_broken_file_is_none():
    kept = outcome(0.5, history=[{"epoch": 1, "loss": 2.0}])
    keep_outcome("a", kept)
    assert load_outcome("a") == kept
    assert load_outcome("b") is None
    trial._outcome_file("a").write_text('{"status": "fini')
    assert load_outcome("a") is None


def test_a_sweep_is_known_again_by_its_trials_as_long_as_its_runs_are_there(tree, tmp_path):
    runs = tmp_path / "mlflow.db"
    runs.touch()
    one, two = plan([tree, changed(tree, "train", epochs=3)], threads=1)
    tracking = validate(tree).tracking
    unrecorded = tracking.model_copy(update={"enabled": False})

    def taken_up(trials, tracking=tracking):
        return State.load(state_folder(trials, tracking), tracking)

    kept = taken_up([one, two])
    kept.run_id = "r"
    kept.save()
    assert taken_up([two, one]).run_id == "r"
    assert taken_up([one]).run_id is None
    assert taken_up([one, two], unrecorded).run_id is None
    runs.unlink()
    assert taken_up([one, two]).run_id is None


def test_the_same_sweep_does_not_run_twice_at_once(tree):
    trees = [changed(tree, "tracking", enabled=False)]
    planned = plan(trees, threads=1)
    with (
        sole_user(state_folder(planned, validate(trees[0]).tracking)),
        pytest.raises(InputError, match="running already"),
    ):
        sweep.run(trees, pytest.fail, workers=None)


def test_what_trials_are_forked_from_is_started_once(monkeypatch):
    monkeypatch.setattr(forks_module, "PRELOADED", ["json"])

    def started():
        forks_module.start()
        return forkserver._forkserver._forkserver_pid

    try:
        first = started()
        assert started() == first
        forkserver.set_forkserver_preload(["csv"])  # as for those who read a folder of pictures
        assert started() != first
    finally:
        forkserver._forkserver._stop()


@pytest.mark.parametrize(
    ("recording", "lost"), [(True, False), (True, True), (False, False), (False, True)],
    ids=["recorded", "a trial lost", "the sweep lost", "all lost"],
)  # fmt: skip
def test_what_mlflow_did_not_take_is_recorded_by_the_next(tree, recording, lost, monkeypatch):
    (trial,) = plan([tree], threads=1)
    recorder = SimpleNamespace(run_id=lambda: "r", is_recording=lambda: recording)
    runs = SimpleNamespace(
        copy=lambda trial, _: f"run of {trial.key}",
        begun=lambda trials: trials,
        epoch=None,
        lost={trial.key} if lost else set(),
    )
    monkeypatch.setattr(sweep, "new_run", lambda *_: nullcontext(recorder))
    monkeypatch.setattr(sweep, "TrialRuns", lambda *_: runs)
    for name in ("record", "write", "show"):
        monkeypatch.setattr(sweep, name, lambda *_: None)
    keep_outcome(trial.key, outcome(0.9))

    sweep.run([tree], nullcontext, workers=None)

    tracking = validate(tree).tracking
    monkeypatch.setattr(sweep, "is_removed", lambda _: False)
    kept = State.load(state_folder([trial], tracking), tracking)
    assert kept.complete == (recording and not lost)
    assert len(kept.runs) == (0 if lost else 1)


def test_the_run_of_a_sweep_whose_trials_all_failed_has_failed(tree, monkeypatch):
    ended = []

    @contextmanager
    def recording(*_):
        try:
            yield SimpleNamespace(run_id=lambda: "r")
        except InputError as error:
            ended.append(str(error))
            raise

    def fail(trials, _):
        return [(trial, Outcome("failed", error="out of luck")) for trial in trials]

    runs = SimpleNamespace(begun=lambda trials: trials, epoch=None, end=lambda *_: "t")
    monkeypatch.setattr(sweep, "new_run", recording)
    monkeypatch.setattr(sweep, "TrialRuns", lambda *_: runs)
    for name in ("record", "write"):
        monkeypatch.setattr(sweep, name, lambda *_: None)
    with pytest.raises(InputError, match="no trial finished"):
        sweep.run([tree], lambda: nullcontext(fail), workers=None)
    assert len(ended) == 1


def test_a_damaged_file_of_the_best_is_told_in_one_line(tmp_path):
    (tmp_path / ".sweeps").mkdir()
    for damaged in ("junk{", "{}", "3"):
        (tmp_path / ".sweeps" / "best.json").write_text(damaged)
        with pytest.raises(InputError, match=r"best\.json: damaged; run the sweep once more"):
            load_best()


def test_what_makes_no_difference_to_a_trial_is_told(tree, caplog):
    changes = [{"rows": {**tree["rows"], "epochs": 8}}, {"seed": 7}]
    trees = [tree, *({**tree, **change} for change in changes)]
    sweep._tell_idle(trees, plan(trees, threads=1))
    (told,) = caplog.messages
    assert told.startswith("rows.epochs: ")


def result(tree, accuracy, **train):
    trial = make_trial(changed(tree, "train", **train), 1)
    kept = Outcome("failed", error="too high") if accuracy is None else outcome(accuracy)
    return Result(trial, kept, "run")


def test_the_best_comes_first_and_the_failed_last(tree):
    results = [result(tree, None, epochs=9), result(tree, 0.5), result(tree, 0.9, epochs=3)]
    shown = rows(ranked(results))
    assert [row["val_accuracy"] for row in shown] == [0.9, 0.5, None]
    assert [row["epochs"] for row in shown] == [3, 12, 9]
    lines = table(results).splitlines()
    assert lines[0].split()[:3] == ["network", "epochs", "val_accuracy"]
    assert lines[1].startswith("mlp 16")
    assert "90.00 %" in lines[1]
    assert "failed: too high" in lines[3]


def test_what_varies_gets_a_column_and_is_in_the_name(tree):
    results = [result(tree, 0.5), result(tree, 0.6, learning_rate=0.1, epochs=3)]
    configs = [one.trial.config for one in results]
    assert varied(configs) == ["train.learning_rate"]
    assert rows(results)[1]["learning_rate"] == 0.1
    name = trial_name(results[1].trial, varied(configs))
    assert name == "mlp 16 · 3 epochs · learning_rate 0.1"


def test_a_choice_of_functions_is_told_by_their_names(tree):
    assert tree["train"]["schedule"]["_target_"].endswith(".cosine")
    name = trial_name(result(tree, 0.5).trial, ["train.schedule", "train.schedule._target_"])
    assert name == "mlp 16 · 12 epochs · schedule cosine · schedule cosine"


def test_networks_of_other_kinds_are_compared_by_what_they_share(tree):
    cnn = compose([*SMALL, "model=cnn", "model.dropout=0.5"])
    assert varied([tree, cnn]) == ["model.batch_norm", "model.dropout"]


def test_the_pareto_front_holds_what_nothing_cheaper_is_as_good_as():
    costs = np.array([1, 2, 2, 3, 4, 5])
    shares = np.array([10, 30, 20, 30, 40, 35])
    assert pareto_front(costs, shares) == [0, 1, 4]


def run_fake(kind, trial, tell):
    if kind == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    for number in (1, 2, 3):
        tell(Epoch(number, 1, 0.5, 1, 0.5, 0.1, 1.0))
    return Outcome("finished", metrics={"val_accuracy": 1.0})


def fake_trial(key):
    return trial.Trial(key, key, {}, None, None)


@pytest.fixture
def forks(monkeypatch):
    """Fork at once, without TensorFlow, and run no real training."""
    plain = multiprocessing.get_context("fork")
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: plain)
    monkeypatch.setattr(
        forks_module, "run_trial", lambda trial, tell: run_fake(trial.name, trial, tell)
    )
    return forks_module


def test_one_that_dies_takes_no_other_with_it(forks):
    asked = [fake_trial(key) for key in ("a", "dies", "b", "c")]
    done = {
        trial.key: kept for trial, kept in forks.run_in_forks(asked, lambda *_: True, workers=2)
    }
    assert {key for key, kept in done.items() if kept.status == "finished"} == {"a", "b", "c"}
    assert "-9" in done["dies"].error


def test_epochs_are_told_as_they_come_and_a_trial_can_be_given_up(forks, monkeypatch):
    told = []

    def run(trial, tell):
        try:
            return run_fake("", trial, tell)
        except running.StoppedError:
            return Outcome("stopped")

    def goes_on(trial, epoch):
        told.append((trial.key, epoch.epoch))
        return trial.key != "b" or epoch.epoch < 2

    monkeypatch.setattr(forks, "run_trial", run)
    done = {
        trial.key: kept.status
        for trial, kept in forks.run_in_forks([fake_trial("a"), fake_trial("b")], goes_on)
    }
    assert done == {"a": "finished", "b": "stopped"}
    assert told == [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2)]


def test_an_error_of_a_trial_is_its_outcome(tree, monkeypatch):
    def fails(*_):
        raise ValueError("too\nhigh")

    monkeypatch.setattr(running, "_train_and_measure", fails)
    kept = running.run_trial(make_trial(tree, 1), lambda _: None)
    assert dataclasses.asdict(kept)["error"] == "ValueError: too high"
    assert kept.status == "failed"


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_the_most_memory_is_told_in_bytes(monkeypatch, platform, unit):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(resource, "getrusage", lambda _: SimpleNamespace(ru_maxrss=7))
    assert running._peak_memory() == 7 * unit
