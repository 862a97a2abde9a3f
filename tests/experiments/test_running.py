"""What goes wrong with a trial, and what it takes, without TensorFlow."""

import resource
import sys
from types import SimpleNamespace

import pytest

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
