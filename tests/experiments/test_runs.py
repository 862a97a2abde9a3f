"""What the runs of trials are told, with recorders that keep it."""

import copy
from dataclasses import replace

import pytest
from support.trials import finished

from pipeline.config.checking import validate
from pipeline.digits.training.state import Epoch
from pipeline.experiments import runs as module
from pipeline.experiments.runs import TrialRuns
from pipeline.experiments.trial import Outcome, Trial
from pipeline.tracking.recording.records import Metrics, Tags

EPOCH = {
    "epoch": 1, "loss": 0.5, "accuracy": 0.8, "val_loss": 0.4, "val_accuracy": 0.9,
    "learning_rate": 0.1, "seconds": 2.0,
}  # fmt: skip


class Recorder:
    """Takes the place of a recorder and keeps what it is given."""

    def __init__(self, settings, opening):
        self.request = opening.request
        self.kept, self.status, self.recording = [], None, True

    def record(self, *records):
        self.kept += records

    def finish(self, status, wait):
        assert not wait
        self.status = status

    def is_recording(self):
        return self.recording

    def run_id(self):
        return f"run of {self.request.name}"

    def values(self, kind):
        """Return all values of the metrics or the tags that were recorded."""
        kept = [one.values for one in self.kept if isinstance(one, kind)]
        return {key: value for values in kept for key, value in values.items()}

    def steps(self):
        """Return the steps at which a validation loss was recorded."""
        return [one.step for one in self.kept if "val_loss" in getattr(one, "values", {})]


@pytest.fixture
def recorders(monkeypatch):
    opened = []

    def open_recorder(*arguments):
        opened.append(Recorder(*arguments))
        return opened[-1]

    monkeypatch.setattr(module, "Recorder", open_recorder)
    monkeypatch.setattr(module, "data_records", lambda *_: [])
    return opened


@pytest.fixture
def runs(tree):
    return TrialRuns(validate(tree).tracking, "parent", lambda trial: trial.name)


@pytest.fixture
def trial(tree):
    return lambda key: Trial(key, f"trial {key}", tree, None, None)


def test_a_run_begins_as_its_trial_is_taken(runs, recorders, trial):
    taken = runs.begin([trial("a"), trial("b")])
    assert recorders == []
    assert next(taken).key == "a"
    (recorder,) = recorders
    assert (recorder.request.name, recorder.request.parent_run_id) == ("trial a", "parent")


def test_a_run_holds_its_curve_and_how_the_trial_ended(runs, recorders, trial):
    outcomes = {
        "a": finished(0.9, training_seconds=2.0),
        "b": Outcome("stopped"),
        "c": Outcome("failed", error="out of memory"),
    }
    for each in runs.begin([trial(key) for key in outcomes]):
        assert runs.epoch(each, Epoch(**EPOCH))
        assert runs.end(each, outcomes[each.key]) == f"run of trial {each.key}"
    assert [one.steps() for one in recorders] == [[1]] * 3
    assert [one.status for one in recorders] == ["FINISHED", "FINISHED", "FAILED"]
    metrics = recorders[0].values(Metrics)
    assert (metrics["val_accuracy_chosen"], metrics["training_seconds"]) == (0.9, 2.0)
    assert "val_accuracy_chosen" not in recorders[1].values(Metrics)
    tags = [one.values(Tags) for one in recorders]
    assert tags[:2] == [{}, {"stopped_early": "true"}]
    assert tags[2]["error"] == "out of memory"


def test_every_run_tells_its_data_which_is_read_once(runs, recorders, trial, monkeypatch):
    read = []

    def data_records(config, folder):
        read.append((config.train.init_from, folder))
        return [Tags({"data_digest": str(len(read))})]

    monkeypatch.setattr(module, "data_records", data_records)
    other = copy.deepcopy(trial("c").config)
    other["train"]["init_from"] = "x.keras"
    for _ in runs.begin([trial("a"), trial("b"), replace(trial("c"), config=other)]):
        pass
    assert read == [(None, None), ("x.keras", None)]
    assert [one.values(Tags)["data_digest"] for one in recorders] == ["1", "1", "2"]


def test_a_known_outcome_becomes_a_run_that_says_so(runs, recorders, trial):
    assert runs.copy(trial("a"), finished(0.9, history=[EPOCH])) == "run of trial a"
    (recorder,) = recorders
    assert recorder.request.tags["run_before"] == "true"
    assert recorder.steps() == [1]


def test_what_mlflow_did_not_record_to_its_end_is_lost(runs, recorders, trial):
    for each in runs.begin([trial("a"), trial("b")]):
        recorders[-1].recording = each.key == "a"
        runs.end(each, finished(0.9))
    assert runs.lost == {"b"}
