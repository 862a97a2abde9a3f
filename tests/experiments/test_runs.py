"""What the runs of trials are told, with recorders that keep it."""

import pytest
from support.trials import finished

from pipeline.config.checking import validate
from pipeline.experiments import runs as module
from pipeline.experiments.runs import TrialRuns
from pipeline.experiments.trial import Outcome, Trial

EPOCH = {
    "epoch": 1, "loss": 0.5, "accuracy": 0.8, "val_loss": 0.4, "val_accuracy": 0.9,
    "learning_rate": 0.1, "seconds": 2.0,
}  # fmt: skip


class Recorder:
    """Keeps what a run is told."""

    def __init__(self, name, tags):
        self.name, self.told_tags = name, tags
        self.curve, self.ended, self.recording = [], None, True

    def metrics(self, metrics, step):
        self.curve.append((step, metrics))

    def is_recording(self):
        return self.recording

    def run_id(self):
        return f"run of {self.name}"


@pytest.fixture
def recorders(monkeypatch):
    opened = []

    def open_trial(settings, parent, name, config, tags):
        assert parent == "parent"
        opened.append(Recorder(name, tags))
        return opened[-1]

    def close_trial(recorder, *told):
        recorder.ended = told

    monkeypatch.setattr(module, "open_trial", open_trial)
    monkeypatch.setattr(module, "close_trial", close_trial)
    return opened


@pytest.fixture
def runs(tree):
    return TrialRuns(validate(tree).tracking, "parent", lambda trial: trial.name)


def trial(key):
    return Trial(key, f"trial {key}", {}, None, None)


def test_a_run_begins_as_its_trial_is_taken(runs, recorders):
    taken = runs.begin([trial("a"), trial("b")])
    assert recorders == []
    assert next(taken).key == "a"
    assert [recorder.name for recorder in recorders] == ["trial a"]


def test_a_run_holds_its_curve_and_how_the_trial_ended(runs, recorders):
    outcomes = {
        "a": finished(0.9, training_seconds=2.0),
        "b": Outcome("stopped"),
        "c": Outcome("failed", error="out of memory"),
    }
    for each in runs.begin([trial(key) for key in outcomes]):
        assert runs.epoch(each, module.Epoch(**EPOCH))
        assert runs.end(each, outcomes[each.key]) == f"run of trial {each.key}"
    assert all(one.curve[0][0] == 1 and one.curve[0][1]["val_loss"] == 0.4 for one in recorders)
    (metrics, error, tags), stopped, failed = (one.ended for one in recorders)
    assert metrics["val_accuracy_chosen"] == 0.9
    assert metrics["training_seconds"] == 2.0
    assert (error, tags) == (None, {})
    assert stopped == ({}, None, {"stopped_early": "true"})
    assert failed == ({}, "out of memory", {})


def test_a_known_outcome_becomes_a_run_that_says_so(runs, recorders):
    assert runs.copy(trial("a"), finished(0.9, history=[EPOCH])) == "run of trial a"
    (recorder,) = recorders
    assert recorder.told_tags == {"run_before": "true"}
    assert [step for step, _ in recorder.curve] == [1]


def test_what_mlflow_did_not_record_to_its_end_is_lost(runs, recorders):
    for each in runs.begin([trial("a"), trial("b")]):
        recorders[-1].recording = each.key == "a"
        runs.end(each, finished(0.9))
    assert runs.lost == {"b"}
