"""The network that reads rows of touching digits, and its training.

The rows of an epoch depend on the seed and the epoch's number alone. So the next ones can be
written while the network learns from these, and a training that was interrupted goes on with
exactly the rows it would have met.
"""

import logging
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.inference.metrics import fit_temperature
from pipeline.digits.recognition.rows import HEIGHT, NONE, find_middles
from pipeline.digits.row_training.composing import UNJUDGED, compose_rows, digits_of, label_near
from pipeline.digits.splits import Split
from pipeline.digits.training.augmentation import Distortion
from pipeline.digits.training.epochs import ahead, draw, epoch_pictures
from pipeline.digits.training.optimizers import adam, cosine
from pipeline.system.errors import InputError
from pipeline.system.files import replace_when_written

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

DIGITS_A_ROW = 8  # about as many fit in, so that an epoch meets about every digit once
WARMUP = 0.05  # share of the training in which the learning rate rises
MEASURED_AT_ONCE = 250
FILTERS = (16, 32, 64)  # of the convolutions that each halve the height
FILTERS_ALONG = (128, 128, 128)  # of those that then look along the row
REACH_ALONG = 5
MOMENTUM = 0.9  # of the running means; with Keras's 0.99 they lag behind for the first epochs


@dataclass(frozen=True)
class RowEpoch:
    """What one finished epoch was like.

    Attributes:
        epoch: Its number, from 1.
        loss: Mean cross-entropy, in nats, of the answers along the rows while the weights moved.
        val_rows_right: Share of the rows of validation digits that are read without a mistake.
    """

    epoch: int
    loss: float
    val_rows_right: float


@dataclass(frozen=True)
class RowTraining:
    """A trained network, and how it reads rows that it did not learn from.

    Attributes:
        model: Takes uint8 (batch, HEIGHT, w) of any even w, gives probabilities, float32
            (batch, w / STRIDE, 11): of each digit having its middle there, and of none.
        rows: Rows composed of the validation digits.
        answers: What it says of them, float32 (n, WIDTH / STRIDE, 11).
    """

    model: "keras.Model"
    rows: Split
    answers: NDArray[np.float32]


@dataclass(frozen=True)
class RowPlan:
    """How the network for rows learns.

    Attributes:
        epochs: How many times about every digit is met, >= 1.
        batch_size: Rows a step.
        learning_rate: The highest; it rises first and then falls along half a cosine.
        seed: Decides the first weights, and how the rows are written.
        distortion: How far the digits are distorted, anew every epoch.
        drawn_share: Share of the digits, 0..1, that are replaced by digits drawn from strokes.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    distortion: Distortion | None = None
    drawn_share: float = 0.0


def fit_rows(
    train: Split,
    validation: Split,
    plan: RowPlan,
    checkpoint: Path | None = None,
    on_epoch: Callable[[RowEpoch], None] | None = None,
) -> RowTraining:
    """Train the network that reads rows of touching digits.

    Args:
        train: Digits, 28 x 28, that the rows to learn from are composed of.
        validation: Digits that the rows to measure on are composed of.
        plan: How to train.
        checkpoint: File that keeps the state after every epoch. If it holds a state, which must be
            of the same training, that is taken up.
        on_epoch: Called with the record of every epoch that is trained here.

    Raises:
        InputError: The loss is no longer a number.
    """
    rows_an_epoch, known_rows = (max(1, len(part) // DIGITS_A_ROW) for part in (train, validation))
    steps = math.ceil(rows_an_epoch / plan.batch_size)
    model = _taken_up(checkpoint) or _begun(plan, steps * plan.epochs)
    done = int(model.optimizer.iterations.numpy()) // steps
    if done:
        log.info("resuming the training after epoch %d", done)
    known = compose_rows(validation, known_rows, np.random.default_rng(plan.seed))
    drawings = draw(plan.drawn_share, 0.0, plan.seed, places=len(train) * plan.epochs)

    def write(number: int) -> Split:
        digits = epoch_pictures(train, plan.distortion, plan.seed, number, drawings)
        return compose_rows(digits, rows_an_epoch, np.random.default_rng((plan.seed, number)))

    numbers = range(done + 1, plan.epochs + 1)
    for number, rows in zip(numbers, ahead(write, numbers), strict=True):
        loss = _learn(model, rows, plan.batch_size)
        if not math.isfinite(loss):
            raise InputError(
                f"the loss on rows became {loss} in epoch {number}: rows.learning_rate is too "
                f"high ({plan.learning_rate}), lower it"
            )
        if checkpoint:
            with replace_when_written(checkpoint) as temporary:
                model.save(temporary)
        if on_epoch:
            on_epoch(RowEpoch(number, loss, share_read(known, _answers(model, known))))
    return RowTraining(model, known, _answers(model, known))


def share_read(rows: Split, answers: NDArray[np.float32]) -> float:
    """Return the share of rows, 0..1, that are read without a mistake."""
    read = [
        [int(found.probabilities.argmax()) for found in find_middles(answer)] == digits_of(labels)
        for labels, answer in zip(rows.labels, answers, strict=True)
    ]
    return float(np.mean(read))


def row_temperature(rows: Split, answers: NDArray[np.float32]) -> float:
    """Find the temperature that makes the network as sure of what it finds as it should be."""
    found = [
        (label_near(labels, each.place), each.probabilities)
        for labels, answer in zip(rows.labels, answers, strict=True)
        for each in find_middles(answer)
    ]
    if not found:
        return 1.0
    labels, probabilities = zip(*found, strict=True)
    return fit_temperature(np.array(labels), np.stack(probabilities))


def _taken_up(checkpoint: Path | None) -> "keras.Model | None":
    import keras

    if checkpoint is None or not checkpoint.is_file():
        return None
    try:
        return keras.models.load_model(checkpoint)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        log.warning("%s cannot be read (%s): training starts from scratch", checkpoint, error)
        return None


def _begun(plan: RowPlan, total_steps: int) -> "keras.Model":
    import keras

    keras.utils.set_random_seed(plan.seed)
    model = _row_network()
    rate = cosine(plan.learning_rate, total_steps, warmup_fraction=WARMUP)
    model.compile(adam(rate), "sparse_categorical_crossentropy", weighted_metrics=[])
    return model


def _row_network() -> "keras.Model":
    import keras

    layers = keras.layers
    pixels = keras.Input((HEIGHT, None), dtype="uint8", name="pixels")
    seen = layers.Reshape((HEIGHT, -1, 1))(layers.Rescaling(1 / 255, name="scaled")(pixels))
    for number, filters in enumerate(FILTERS):
        seen = layers.Conv2D(filters, 3, padding="same", use_bias=False)(seen)
        # Half the columns are enough to tell where digits stand, a quarter are not.
        seen = _activated(layers.MaxPooling2D((2, 1 if number else 2))(seen))
    _, height, _, filters = seen.shape
    along = layers.Reshape((-1, height * filters))(layers.Permute((2, 1, 3))(seen))
    for filters in FILTERS_ALONG:
        along = layers.Conv1D(filters, REACH_ALONG, padding="same", use_bias=False)(along)
        along = _activated(along)
    answers = layers.Dense(NONE + 1, activation="softmax", name="probabilities")(along)
    return keras.Model(pixels, answers, name="rows")


def _activated(answers: "keras.KerasTensor") -> "keras.KerasTensor":
    import keras

    normalised = keras.layers.BatchNormalization(momentum=MOMENTUM)(answers)
    return keras.layers.Activation("relu")(normalised)


def _learn(model: "keras.Model", rows: Split, batch_size: int) -> float:
    judged = rows.labels != UNJUDGED
    history = model.fit(
        rows.images,
        np.where(judged, rows.labels, NONE),
        sample_weight=judged.astype(np.float32),
        batch_size=batch_size,
        shuffle=False,
        verbose=0,
    )
    return float(history.history["loss"][0])


def _answers(model: "keras.Model", rows: Split) -> NDArray[np.float32]:
    answers: NDArray[np.float32] = model.predict(
        rows.images, batch_size=MEASURED_AT_ONCE, verbose=0
    )
    return answers
