"""A state on disk is taken up by the same training alone, and only if it is whole."""

from dataclasses import replace

import pytest
from support.training import (
    PLAN,
    InterruptionError,
    bars,
    interrupt_after,
    mlp,
    same_weights,
    train,
)

from pipeline.digits.training.state import Epoch, TrainingState, kept_epochs


@pytest.fixture(scope="module")
def whole():
    """Return a network that was trained in one go."""
    return train(mlp)[0]


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 4},
        {"rate": 0.02},
        {"data": bars(150, 9)},
        {"distortion": None},
    ],
)
def test_state_of_another_training_is_not_taken_up(other, whole, tmp_path):
    with pytest.raises(InterruptionError):
        train(mlp, checkpoint_dir=tmp_path, on_epoch=interrupt_after(1), **other)
    resumed, _ = train(mlp, checkpoint_dir=tmp_path)
    assert same_weights(whole, resumed)


def test_state_of_another_network_is_not_taken_up(whole, tmp_path):
    train(lambda: mlp(activation="tanh"), checkpoint_dir=tmp_path)
    resumed, _ = train(mlp, checkpoint_dir=tmp_path)
    assert same_weights(whole, resumed)


def test_the_epochs_of_an_interrupted_training_are_counted(tmp_path):
    with pytest.raises(InterruptionError):
        train(mlp, checkpoint_dir=tmp_path, on_epoch=interrupt_after(2))
    assert kept_epochs(tmp_path) == 2
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert [kept_epochs(folder) for folder in (tmp_path, tmp_path / "none", None)] == [0, 0, 0]


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda _: b""])
def test_damaged_state_is_set_aside(damage, whole, tmp_path):
    train(mlp, checkpoint_dir=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    again, _ = train(mlp, checkpoint_dir=tmp_path)
    assert same_weights(whole, again)


@pytest.mark.parametrize(
    ("patience", "merits", "over"),
    [
        (None, [0.9, 0.8, 0.7], False),
        (None, [0.9, 0.8, 0.7, 0.6], True),  # all four epochs
        (2, [], False),
        (2, [0.9, 0.8], False),
        (2, [0.9, 0.8, 0.7], True),
        (2, [0.9, 0.8, 0.95], False),
    ],
)
def test_a_training_is_over_after_all_epochs_or_when_patience_runs_out(patience, merits, over):
    import keras

    state = TrainingState(mlp(), keras.optimizers.SGD(), replace(PLAN, patience=patience))
    state.history = [
        Epoch(number, 0.1, 0.9, 0.1, merit, 0.001, 1.0) for number, merit in enumerate(merits, 1)
    ]
    assert state.is_over() is over
