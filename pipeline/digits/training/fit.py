"""Training a network: fast, the same every time, and able to go on where it was stopped.

The order of the pictures and their distortion in an epoch depend on the seed and the epoch's
number alone. So the pictures of the next epoch can be made while the network learns from
this one, and a run that was interrupted goes on with exactly the pictures it would have met.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.digits.splits import Split
from pipeline.digits.training.augmentation import Distortion
from pipeline.digits.training.epochs import ahead, pictures_of_epoch
from pipeline.digits.training.state import Checkpoint, Epoch, Training, TrainingState, state_key
from pipeline.digits.training.steps import learning_epoch, measuring_epoch, runs_compiled

if TYPE_CHECKING:
    import keras

# TensorFlow reads this when it is imported. It leaves oneDNN off where a processor has no
# instructions made for networks, but there, too, a CNN trains 1.6 times as fast with it.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def fit(
    model: "keras.Model",
    train: Split,
    validation: Split,
    *,
    epochs: int,
    batch_size: int,
    optimizer: "keras.optimizers.Optimizer",
    seed: int,
    distortion: Distortion | None = None,
    drawn_share: float = 0.0,
    other_share: float = 0.0,
    sharpness_radius: float = 0.0,
    jit_compile: bool | Literal["auto"] = "auto",
    patience: int | None = None,
    checkpoint_dir: Path | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Training:
    """Train a network in place.

    Args:
        model: Takes uint8 (batch, height, width), gives probabilities (batch, classes).
        train: The pictures to learn from.
        validation: The pictures to measure every epoch on.
        epochs: How many times each picture is met, at most.
        batch_size: Pictures a step.
        optimizer: A new optimiser, whose schedule counts `epochs` times `steps_per_epoch` steps.
        seed: Decides the order of the pictures and their distortion.
        distortion: How far the pictures are distorted, anew every epoch.
        drawn_share: Share of the pictures, 0..1, whose places digits drawn from strokes of our own
            take, others in every epoch; for digits of 28 x 28 pixels only.
        other_share: The same for letters, shapes and scribbles, in which the network learns to see
            every class alike ("outlier exposure", Hendrycks, Mazeika & Dietterich, ICLR 2019).
        sharpness_radius: Length of the way up the slope, in the space of the weights, at whose end
            the gradient of each step is taken ("sharpness-aware minimization", Foret, Kleiner,
            Mobahi & Neyshabur, ICLR 2021: their rho); every step then costs two. 0 takes it where
            the weights are.
        jit_compile: Whether XLA compiles the steps; "auto" where that was measured to be faster.
        patience: Epochs without a better validation accuracy (or the same accuracy at a lower
            loss) after which training ends; the best epoch's weights are then restored.
            None trains all epochs and keeps the last weights.
        checkpoint_dir: Where the state is kept after every epoch. If it holds the state of the
            same training, that is taken up and ends with the weights of an uninterrupted one.
        on_epoch: Called with every epoch's record in order, those taken up first.

    Raises:
        InputError: The loss is no longer a number.
    """
    optimizer.build(model.trainable_variables)
    progress = TrainingState(model, optimizer, keep_best=patience is not None)
    mix = (drawn_share, other_share)
    checkpoint = None
    if checkpoint_dir:
        steps = (epochs, batch_size, sharpness_radius, jit_compile)
        settings = (*steps, seed, distortion, mix, patience)
        key = state_key(progress, train, validation, settings)
        checkpoint = Checkpoint(checkpoint_dir / "checkpoint.npz", key)
        checkpoint.restore(progress)
    for record in progress.history:
        _report(record, on_epoch)
    if not progress.is_over(epochs, patience):
        compiled = runs_compiled(model) if jit_compile == "auto" else jit_compile
        learn = learning_epoch(model, optimizer, batch_size, sharpness_radius, compiled)
        measure = measuring_epoch(model)
        numbers = range(len(progress.history) + 1, epochs + 1)
        for pictures in ahead(pictures_of_epoch(train, distortion, mix, seed, numbers), numbers):
            progress.add(*learn(pictures), *measure(validation))
            if checkpoint:
                checkpoint.save(progress)
            _report(progress.history[-1], on_epoch)
            if progress.is_over(epochs, patience):
                break
    return progress.finish()


def _report(record: Epoch, on_epoch: Callable[[Epoch], None] | None) -> None:
    if on_epoch:
        on_epoch(record)
