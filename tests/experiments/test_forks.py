"""Trials in processes of their own, without TensorFlow."""

import multiprocessing
import os
import signal

import pytest

from pipeline.digits.training.state import Epoch
from pipeline.experiments import forks as module
from pipeline.experiments.running import StoppedError
from pipeline.experiments.trial import Outcome, Trial

FINISHED = Outcome("finished", metrics={"val_accuracy": 1.0})


def run_fake(trial, on_epoch, pictures=None):
    """Take the place of `run_trial`."""
    if trial.name == "shares":
        (pictures / "from a trial").touch()
    if trial.name == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    try:
        for number in (1, 2, 3):
            on_epoch(Epoch(number, 1, 0.5, 1, 0.5, 0.1, 1.0))
    except StoppedError:
        return Outcome("stopped")
    return FINISHED


def fake_trial(key):
    return Trial(key, key, {}, None, None)


@pytest.fixture(autouse=True)
def no_training(monkeypatch):
    """Fork from this process at once and train nothing."""
    plain = multiprocessing.get_context("fork")
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: plain)
    monkeypatch.setattr(module, "run_trial", run_fake)


def test_one_that_dies_takes_no_other_with_it():
    trials = [fake_trial(key) for key in ("a", "dies", "b", "c")]
    outcomes = {
        trial.key: outcome
        for trial, outcome in module.run_in_forks(trials, lambda *_: True, workers=2)
    }
    assert {key for key, one in outcomes.items() if one.status == "finished"} == {"a", "b", "c"}
    assert "-9" in outcomes["dies"].error


def test_epochs_are_told_as_they_come_and_a_trial_can_be_stopped():
    reported = []

    def on_epoch(trial, epoch):
        reported.append((trial.key, epoch.epoch))
        return trial.key != "b" or epoch.epoch < 2

    trials = [fake_trial("a"), fake_trial("b")]
    statuses = {trial.key: one.status for trial, one in module.run_in_forks(trials, on_epoch)}
    assert statuses == {"a": "finished", "b": "stopped"}
    assert reported == [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2)]


def test_the_next_trial_is_taken_when_a_worker_is_free():
    taken = []

    def trials():
        for key in "abcd":
            taken.append(key)
            yield fake_trial(key)

    outcomes = module.run_in_forks(trials(), lambda *_: True, workers=2)
    next(outcomes)
    assert taken == ["a", "b"]
    assert len(list(outcomes)) == 3


def test_one_trial_is_followed_from_its_first_epoch_to_its_outcome():
    *epochs, outcome = module.run_in_fork(fake_trial("a"))
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3]
    assert outcome == FINISHED
    (death,) = module.run_in_fork(fake_trial("dies"))
    assert death.status == "failed"


def test_trials_share_a_folder_that_is_gone_afterwards(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "start_forkserver", lambda: None)
    left_by_a_killed_one = tmp_path / ".sweeps" / "pictures-99999999"
    left_by_a_killed_one.mkdir(parents=True)
    with module.forks(1) as run:
        (outcome,) = run([fake_trial("shares")], lambda *_: True)
        (folder,) = (tmp_path / ".sweeps").iterdir()
        assert [file.name for file in folder.iterdir()] == ["from a trial"]
    assert outcome[1] == FINISHED
    assert list((tmp_path / ".sweeps").iterdir()) == []
