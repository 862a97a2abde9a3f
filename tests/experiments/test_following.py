"""Epochs of long trials are shown."""

from dataclasses import replace

from pipeline.digits.training.state import Epoch
from pipeline.experiments.following import followed
from pipeline.experiments.trial import Trial
from pipeline.system.progress import Progress

EPOCH = Epoch(1, 1, 0.5, 1, 0.5, 0.1, seconds=95.0)


class Shown(Progress):
    def __init__(self):
        super().__init__()
        self.details = []

    def detail(self, text):
        self.details.append(text)


def trial(key):
    return Trial(key, f"mlp {key} · 20 epochs", {"train": {"epochs": 20}}, None, None)


def test_every_epoch_is_shown_with_the_time_that_is_left_and_passed_on():
    shown, passed = Shown(), []
    on_epoch = followed(lambda trial, epoch: bool(passed.append((trial.key, epoch.epoch))), shown)
    for number, seconds in ((1, 95.0), (2, 60.0), (3, 60.0)):
        assert on_epoch(trial("8"), replace(EPOCH, epoch=number, seconds=seconds)) is False
    on_epoch(trial("9"), replace(EPOCH, seconds=2.0))
    assert passed == [("8", 1), ("8", 2), ("8", 3), ("9", 1)]
    assert shown.details[2:] == [
        "mlp 8 · 20 epochs: epoch 3/20, about 17 min left",
        "mlp 9 · 20 epochs: epoch 1/20, about 38 s left",
    ]
