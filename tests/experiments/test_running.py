"""What goes wrong with a trial, and what it takes, without TensorFlow."""

import resource
import sys
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest
from pipeline.experiments.space import Objective
from support.networks import answers_in_pictures, write_reader

from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.splits import Split
from pipeline.experiments import running
from pipeline.experiments.trial import make_trial


def test_an_error_of_a_trial_is_its_outcome(tree, monkeypatch):
    def fails(*_):
        raise ValueError("too\nhigh")

    monkeypatch.setattr(running, "_train_and_measure", fails)
    outcome = running.run_trial(make_trial(tree, 1), lambda _: None)
    assert outcome.error == "ValueError: too high"
    assert outcome.status == "failed"


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_the_most_memory_is_told_in_bytes(monkeypatch, platform, unit):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(resource, "getrusage", lambda _: SimpleNamespace(ru_maxrss=7))
    assert running._peak_memory() == 7 * unit


def test_what_a_search_can_seek_of_validation_pictures_is_measured_on_them(tmp_path):
    classifier = Classifier.load(write_reader(tmp_path / "model.onnx", 0))
    labels = np.arange(30, dtype=np.uint8) % 10
    part = Split(answers_in_pictures(labels), labels)
    found = running._validated(classifier, part)
    known = {"val_accuracy", "val_loss"}
    assert set(found) == {name for name in get_args(Objective) if name[:4] == "val_"} - known
    assert found["val_error_auroc"] == 1
    assert 0 < found["val_corrupted_accuracy"] < 1
    assert found["val_calibration_error"] == pytest.approx(
        1 - classifier.probabilities(part.images).max(axis=1).mean(), abs=1e-6
    )
