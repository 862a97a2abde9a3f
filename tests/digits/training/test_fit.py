"""Training learns, repeats itself bit by bit, and goes on where it was stopped."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.training import (
    TRAIN,
    VALIDATION,
    InterruptionError,
    bars,
    cnn,
    interrupt_after,
    mlp,
    same_weights,
    train,
)

from pipeline.digits.splits import Split
from pipeline.digits.training.epochs import NO_CLASS
from pipeline.digits.training.state import Epoch
from pipeline.system.errors import InputError


@pytest.mark.parametrize("compiled", [True, False])
def test_learns(compiled):
    reported = []
    model, training = train(mlp, epochs=8, jit_compile=compiled, on_epoch=reported.append)
    last = training.history[-1]
    assert last.val_accuracy > 0.9
    assert last.loss < training.history[0].loss
    assert [record.epoch for record in training.history] == list(range(1, 9))
    assert reported == training.history
    assert training.chosen_epoch == 8
    rates = [record.learning_rate for record in training.history]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-9)
    right = np.asarray(model(VALIDATION.images)).argmax(1) == VALIDATION.labels
    assert last.val_accuracy == pytest.approx(right.mean(), abs=1e-6)


def test_another_seed_gives_other_weights():
    assert not same_weights(train(mlp, epochs=1)[0], train(mlp, epochs=1, seed=4)[0])


def without_seconds(history):
    return [replace(record, seconds=0.0, ended=0.0) for record in history]


def kept_in(folder):
    """Return the history that a checkpoint holds, seconds included."""
    with np.load(folder / "checkpoint.npz") as stored:
        return [Epoch(**record) for record in json.loads(str(stored["history"]))]


@pytest.mark.parametrize("build", [mlp, cnn])
def test_interrupted_training_ends_with_the_same_weights(build, tmp_path):
    whole, expected = train(build, patience=3)
    with pytest.raises(InterruptionError):
        train(build, patience=3, checkpoint_dir=tmp_path, on_epoch=interrupt_after(2))
    taken_up = kept_in(tmp_path)
    reported = []
    resumed, training = train(build, patience=3, checkpoint_dir=tmp_path, on_epoch=reported.append)
    assert same_weights(whole, resumed)
    assert without_seconds(training.history) == without_seconds(expected.history)
    assert training.history[:2] == taken_up
    assert training.chosen_epoch == expected.chosen_epoch
    assert reported == training.history


def test_finished_training_is_not_repeated(tmp_path):
    first, expected = train(mlp, checkpoint_dir=tmp_path)
    again, training = train(mlp, checkpoint_dir=tmp_path)
    assert training == expected
    assert same_weights(first, again)


def test_early_stopping_restores_the_best_epoch():
    built, weights = [], {}

    def build():
        built.append(mlp())
        return built[0]

    def keep(record):
        weights[record.epoch] = built[0].get_weights()

    model, training = train(build, epochs=30, rate=0.3, patience=3, on_epoch=keep)
    merits = [(record.val_accuracy, -record.val_loss) for record in training.history]
    assert training.chosen_epoch == 1 + merits.index(max(merits))
    assert len(training.history) == training.chosen_epoch + 3
    for restored, best in zip(model.get_weights(), weights[training.chosen_epoch], strict=True):
        assert np.array_equal(restored, best)


def test_fewer_pictures_than_a_batch():
    _, training = train(mlp, data=bars(5, 4), batch_size=64, epochs=2)
    assert len(training.history) == 2


def test_loss_that_is_no_number_names_the_learning_rate():
    with pytest.raises(InputError, match=r"train\.learning_rate") as caught:
        train(mlp, rate=1e38)
    assert "\n" not in str(caught.value)


def test_pictures_of_no_class_are_learned_as_every_class_alike():
    labels = TRAIN.labels.copy()
    labels[TRAIN.labels == 1] = NO_CLASS
    model, training = train(
        mlp, data=Split(TRAIN.images, labels), epochs=30, batch_size=15, distortion=None
    )
    upright, level = (
        model.predict(VALIDATION.images[VALIDATION.labels == label], verbose=0)[:, 0].mean()
        for label in (0, 1)
    )
    assert upright > 0.9
    assert level == pytest.approx(0.5, abs=0.1)
    # They do not count in the numbers of an epoch, whose loss they would keep above 0.3.
    assert training.history[-1].accuracy > 0.95
    assert training.history[-1].loss < 0.1
