"""Train a network: fast, with the same result every time, and resumable.

The order of the pictures and their distortion depend only on the seed and the number of the epoch.
So the next epoch's pictures can be made while the network trains on the current ones, and a resumed
training gets exactly the pictures that an uninterrupted one would have had.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.digits.splits import Split
from pipeline.digits.training.epochs import ahead, pictures_of_epoch
from pipeline.digits.training.plan import TrainingPlan
from pipeline.digits.training.sharing import SharedPictures
from pipeline.digits.training.state import (
    CHECKPOINT_NAME,
    Checkpoint,
    Epoch,
    Training,
    TrainingState,
    state_key,
)
from pipeline.digits.training.steps import learning_epoch, measuring_epoch

if TYPE_CHECKING:
    import keras

OnEpoch = Callable[[Epoch], None]


def fit(
    model: "keras.Model",
    optimizer: "keras.optimizers.Optimizer",
    train: Split,
    validation: Split,
    plan: TrainingPlan,
    checkpoint_dir: Path | None = None,
    on_epoch: OnEpoch | None = None,
    shared: SharedPictures | None = None,
) -> Training:
    """Train a network in place.

    Args:
        model: Takes uint8 (batch, height, width), gives probabilities (batch, classes).
        optimizer: A new optimiser, with a schedule over `plan.epochs` times `steps_per_epoch`
            steps.
        train: The pictures to learn from.
        validation: The pictures to measure on after every epoch.
        plan: How to train.
        checkpoint_dir: Where the state is saved after every epoch. If it holds the state of the
            same training, that training is resumed and ends with the same weights as an
            uninterrupted one.
        on_epoch: Called with the record of every epoch in order, those of a resumed training
            included.
        shared: Where trainings with the same pictures share them; None if they do not.

    Raises:
        InputError: The loss is no longer finite.
    """
    report = on_epoch or (lambda _: None)
    optimizer.build(model.trainable_variables)
    state = TrainingState(model, optimizer, plan)
    checkpoint = None
    if checkpoint_dir:
        key = state_key(state, train, validation)
        checkpoint = Checkpoint(checkpoint_dir / CHECKPOINT_NAME, key)
        checkpoint.restore(state)
    for record in state.history:
        report(record)
    if not state.is_over():
        make = pictures_of_epoch(train, plan, shared)
        _train_on(state, make, validation, checkpoint, report)
    return state.finish()


def _train_on(
    state: TrainingState,
    make: Callable[[int], Split],
    validation: Split,
    checkpoint: Checkpoint | None,
    report: OnEpoch,
) -> None:
    """Train the epochs that are left."""
    learn = learning_epoch(state.model, state.optimizer, state.plan)
    measure = measuring_epoch(state.model)
    numbers = range(len(state.history) + 1, state.plan.epochs + 1)
    for pictures in ahead(make, numbers):
        state.add(*learn(pictures), *measure(validation))
        if checkpoint:
            checkpoint.save(state)
        report(state.history[-1])
        if state.is_over():
            break
