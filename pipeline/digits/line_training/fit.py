"""Training the network that reads lines: fast, the same every time, and able to go on.

The lines of a round depend on the seed and the round's number alone. So the next ones can be
composed while the network learns from these, and a training that was interrupted goes on with
exactly the lines it would have met.
"""

import logging
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.digits.line_training.network import line_network
from pipeline.digits.line_training.writing.composing import Stock, compose_lines
from pipeline.digits.recognition.lines.format import NONE, UNJUDGED
from pipeline.digits.splits import Split
from pipeline.digits.training.epochs import ahead
from pipeline.digits.training.optimizers import adam, cosine
from pipeline.system.errors import InputError
from pipeline.system.files import replace_when_written

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

LINES_A_ROUND = 4096
WARMUP = 0.05  # share of the training in which the learning rate rises


@dataclass(frozen=True)
class Round:
    """What one finished round was like.

    Attributes:
        round: Its number, from 1.
        loss: Mean cross-entropy, in nats, of the answers along the lines while the weights moved.
    """

    round: int
    loss: float


@dataclass(frozen=True)
class LinePlan:
    """How the network for lines learns.

    Attributes:
        rounds: How many times LINES_A_ROUND new lines are met, >= 1.
        batch_size: Lines a step.
        learning_rate: The highest; it rises first and then falls along half a cosine.
        seed: Decides the first weights, and how the lines are composed.
    """

    rounds: int
    batch_size: int
    learning_rate: float
    seed: int


def fit_lines(
    train: Split,
    plan: LinePlan,
    checkpoint: Path | None = None,
    on_round: Callable[[Round], None] | None = None,
) -> "keras.Model":
    """Train a network that reads lines.

    Args:
        train: Digits, 28 x 28, that the lines to learn from are composed of.
        plan: How to train.
        checkpoint: File that keeps the state after every round. If it holds a state, which must be
            of the same training, that is taken up.
        on_round: Called with the record of every round that is trained here.

    Returns:
        What `network.line_network` says.

    Raises:
        InputError: The loss is no longer a number.
    """
    steps = math.ceil(LINES_A_ROUND / plan.batch_size)
    model = _taken_up(checkpoint) or _begun(plan, steps * plan.rounds)
    done = int(model.optimizer.iterations.numpy()) // steps
    if done:
        log.info("resuming the training after round %d", done)
    stock = Stock.lay_in(train, plan.seed)

    def compose(number: int) -> Split:
        return compose_lines(stock, LINES_A_ROUND, np.random.default_rng((plan.seed, number)))

    numbers = range(done + 1, plan.rounds + 1)
    for number, lines in zip(numbers, ahead(compose, numbers), strict=True):
        loss = _learn(model, lines, plan.batch_size)
        if not math.isfinite(loss):
            raise InputError(
                f"the loss on lines became {loss} in round {number}: lines.learning_rate is too "
                f"high ({plan.learning_rate}), lower it"
            )
        if checkpoint:
            with replace_when_written(checkpoint) as temporary:
                model.save(temporary)
        if on_round:
            on_round(Round(number, loss))
    return model


def _taken_up(checkpoint: Path | None) -> "keras.Model | None":
    import keras

    if checkpoint is None or not checkpoint.is_file():
        return None
    try:
        return keras.models.load_model(checkpoint, safe_mode=True)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        log.warning("%s cannot be read (%s): training starts from scratch", checkpoint, error)
        return None


def _begun(plan: LinePlan, total_steps: int) -> "keras.Model":
    import keras

    keras.utils.set_random_seed(plan.seed)
    model = line_network()
    rate = cosine(plan.learning_rate, total_steps, warmup_fraction=WARMUP)
    model.compile(adam(rate), "sparse_categorical_crossentropy", weighted_metrics=[])
    return model


def _learn(model: "keras.Model", lines: Split, batch_size: int) -> float:
    judged = lines.labels != UNJUDGED
    history = model.fit(
        lines.images,
        np.where(judged, lines.labels, NONE),
        sample_weight=judged.astype(np.float32),
        batch_size=batch_size,
        shuffle=False,
        verbose=0,
    )
    return float(history.history["loss"][0])
