"""Training a network: fast, the same every time, and able to go on where it was stopped.

The order of the pictures and their distortion in an epoch depend on the seed and the epoch's
number alone. So the pictures of the next epoch can be made while the network learns from
this one, and a run that was interrupted goes on with exactly the pictures it would have met.
"""

import hashlib
import json
import logging
import math
import os
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.augmentation import Distortion, distort
from pipeline.digits.datasets import Split
from pipeline.digits.errors import InputError
from pipeline.digits.files import replace_when_written
from pipeline.digits.handwriting import draw_digits, draw_others

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

# TensorFlow reads this when it is imported. It leaves oneDNN off where a processor has no
# instructions made for networks, but there, too, a CNN trains 1.6 times as fast with it.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

log = logging.getLogger(__name__)

Arrays = list[NDArray[Any]]

MEASURED_AT_ONCE = 500
# Enough of each to choose from, distorted anew each time; drawing them takes two to three seconds.
MOST_DRAWINGS = 5_000
# The label of a picture that shows none of the classes.
NO_CLASS = 255
# Compiled by XLA, the steps run on one core and leave another to the distortion. Beyond this many
# weights two cores without XLA were quicker; dropout's random numbers take XLA seven times as long,
# and convolutions did not finish.
LARGEST_COMPILED = 600_000
COMPILED_LAYERS = frozenset(
    {"InputLayer", "Rescaling", "Flatten", "Dense", "BatchNormalization", "Activation"}
)


@dataclass(frozen=True)
class Epoch:
    """What one finished epoch was like.

    Attributes:
        epoch: Its number, from 1.
        loss: Mean cross-entropy, in nats, over the pictures as they were trained on: distorted,
            and while the weights moved; those of no class left out.
        accuracy: Share of the same pictures read correctly.
        val_loss: Mean cross-entropy over the validation pictures after the epoch.
        val_accuracy: Share of the validation pictures read correctly.
        learning_rate: The learning rate the epoch ended with.
        seconds: Wall time, with making the pictures, validation and, at first, compilation.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Training:
    """How a training went: one record for each epoch, and the epoch whose weights were kept."""

    history: list[Epoch]
    chosen_epoch: int


def steps_per_epoch(pictures: int, batch_size: int) -> int:
    """Say how many full batches an epoch has; fewer pictures than a batch are a batch of their own.

    Since the order changes with every epoch, so do the pictures that are left over.
    """
    return max(1, pictures // batch_size)


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
    progress = _Progress(model, optimizer, keep_best=patience is not None)
    mix = (drawn_share, other_share)
    checkpoint = None
    if checkpoint_dir:
        steps = (epochs, batch_size, sharpness_radius, jit_compile)
        settings = (*steps, seed, distortion, mix, patience)
        key = _fingerprint(progress, train, validation, settings)
        checkpoint = _Checkpoint(checkpoint_dir / "checkpoint.npz", key)
        checkpoint.restore(progress)
    for record in progress.history:
        _report(record, on_epoch)
    if not progress.is_over(epochs, patience):
        compiled = runs_compiled(model) if jit_compile == "auto" else jit_compile
        learn = _learning(model, optimizer, batch_size, sharpness_radius, compiled)
        measure = _measuring(model)
        numbers = range(len(progress.history) + 1, epochs + 1)
        for pictures in ahead(_pictures(train, distortion, mix, seed, numbers), numbers):
            progress.add(*learn(pictures), *measure(validation))
            if checkpoint:
                checkpoint.save(progress)
            _report(progress.history[-1], on_epoch)
            if progress.is_over(epochs, patience):
                break
    return progress.finish()


def runs_compiled(model: "keras.Model") -> bool:
    """Say whether XLA was measured to train this kind of network faster: small and dense."""
    kinds = {type(layer).__name__ for layer in model.layers}
    return kinds <= COMPILED_LAYERS and model.count_params() <= LARGEST_COMPILED


class _Progress:
    """The state of a training: all that has to outlive an interruption."""

    def __init__(
        self, model: "keras.Model", optimizer: "keras.optimizers.Optimizer", keep_best: bool
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.keep_best = keep_best
        self.history: list[Epoch] = []
        self.best: Arrays = []
        self.started = time.perf_counter()

    @property
    def variables(self) -> "list[keras.Variable]":
        """The network's variables, those of its random numbers included, and the optimiser's."""
        return [*self.model.variables, *self.optimizer.variables]

    def add(self, loss: float, accuracy: float, val_loss: float, val_accuracy: float) -> None:
        number = len(self.history) + 1
        rate = float(self.optimizer.learning_rate.numpy())
        if not math.isfinite(loss):
            raise InputError(
                f"the training loss became {loss} in epoch {number}: train.learning_rate is too "
                f"high (the rate is {rate:.3g} now), lower it"
            )
        seconds = time.perf_counter() - self.started
        self.history.append(Epoch(number, loss, accuracy, val_loss, val_accuracy, rate, seconds))
        if self.keep_best and self._best_epoch() == number:
            self.best = [variable.numpy().copy() for variable in self.model.variables]
        self.started = time.perf_counter()

    def is_over(self, epochs: int, patience: int | None) -> bool:
        finished = len(self.history)
        waited = finished - self._best_epoch()
        return finished >= epochs or (patience is not None and finished > 0 and waited >= patience)

    def finish(self) -> Training:
        if not self.keep_best:
            return Training(self.history, len(self.history))
        _assign(self.model.variables, self.best)
        return Training(self.history, self._best_epoch())

    def _best_epoch(self) -> int:
        best = max(self.history, key=lambda e: (e.val_accuracy, -e.val_loss), default=None)
        return best.epoch if best else 0


@dataclass(frozen=True)
class _Checkpoint:
    """A file that holds the progress of one training, told from others by its key."""

    path: Path
    key: str

    def save(self, progress: _Progress) -> None:
        arrays: dict[str, Any] = {
            f"variable_{i}": variable.numpy() for i, variable in enumerate(progress.variables)
        }
        arrays |= {f"best_{i}": values for i, values in enumerate(progress.best)}
        history = json.dumps([asdict(record) for record in progress.history])
        with replace_when_written(self.path) as temporary, temporary.open("wb") as file:
            np.savez(file, key=self.key, history=history, **arrays)

    def restore(self, progress: _Progress) -> None:
        if not self.path.exists():
            return
        try:
            with np.load(self.path) as stored:
                arrays = dict(stored)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            log.warning("%s cannot be read (%s): training starts from scratch", self.path, error)
            return
        if str(arrays["key"]) != self.key:
            log.warning("%s belongs to another training: this one starts from scratch", self.path)
            return
        progress.history = [Epoch(**record) for record in json.loads(str(arrays["history"]))]
        variables = progress.variables
        _assign(variables, [arrays[f"variable_{i}"] for i in range(len(variables))])
        if progress.keep_best:
            progress.best = [arrays[f"best_{i}"] for i in range(len(progress.model.variables))]
        log.info("resuming the training after epoch %d", len(progress.history))


def _assign(variables: "Sequence[keras.Variable]", values: Arrays) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _fingerprint(
    progress: _Progress, train: Split, validation: Split, settings: tuple[object, ...]
) -> str:
    """Return a digest of all that decides the outcome: data, network, first weights, settings."""
    # Keras numbers the names within a process, so that the same thing built again has another.
    described = [
        (type(part).__name__, {k: v for k, v in part.get_config().items() if k != "name"})
        for part in (*progress.model.layers, progress.optimizer)
    ]
    digest = hashlib.sha256(json.dumps((described, settings), default=repr).encode())
    for split in (train, validation):
        digest.update(np.ascontiguousarray(split.images).data)
        digest.update(np.ascontiguousarray(split.labels).data)
    for variable in progress.variables:
        digest.update(np.ascontiguousarray(variable.numpy()).data)
    return digest.hexdigest()


def _pictures(
    train: Split,
    distortion: Distortion | None,
    mix: tuple[float, float],
    seed: int,
    numbers: range,
) -> Callable[[int], Split]:
    """Return a function that makes the pictures of an epoch by its number."""
    drawings = draw(*mix, seed, places=len(train) * numbers[-1])
    return lambda number: epoch_pictures(train, distortion, seed, number, drawings)


def ahead(make: Callable[[int], Split], numbers: range) -> Iterator[Split]:
    """Return the pictures of each epoch, making the next ones while these are learned from.

    Args:
        make: Makes the pictures of an epoch by its number.
        numbers: Of the epochs.
    """
    if not numbers:
        return
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="pictures") as maker:
        coming = maker.submit(make, numbers[0])
        for number in numbers:
            pictures = coming.result()
            if number != numbers[-1]:
                coming = maker.submit(make, number + 1)
            yield pictures


def draw(
    drawn_share: float, other_share: float, seed: int, places: int
) -> list[tuple[float, Split]]:
    """Draw the digits, and what is none, to be mixed into the epochs; return each with its share.

    Args:
        drawn_share: Share of the places, 0..1, that drawn digits will take.
        other_share: Share that other drawings will take.
        seed: The same seed gives the same drawings.
        places: Pictures of all epochs together. No more is drawn than they have room for.
    """
    rng = np.random.default_rng(seed)
    drawings = []
    if drawn_share:
        drawings.append((drawn_share, draw_digits(_worth_drawing(drawn_share, places), rng)))
    if other_share:
        others = draw_others(_worth_drawing(other_share, places), rng)
        drawings.append((other_share, Split(others, np.full(len(others), NO_CLASS, np.uint8))))
    return drawings


def _worth_drawing(share: float, places: int) -> int:
    return min(MOST_DRAWINGS, math.ceil(share * places))


def epoch_pictures(
    train: Split,
    distortion: Distortion | None,
    seed: int,
    epoch: int,
    drawings: Sequence[tuple[float, Split]] = (),
) -> Split:
    """Return the pictures of one epoch in their order: shuffled, distorted if so wished.

    Drawings take the places of a share of them. The same seed and epoch give the same pictures,
    whatever came before.
    """
    rng = np.random.default_rng((seed, epoch))
    pictures = train.take(rng.permutation(len(train)))
    for share, drawn in drawings:
        places = rng.random(len(train)) < share
        replacements = drawn.take(rng.integers(0, len(drawn), places.sum()))
        pictures.images[places], pictures.labels[places] = replacements.images, replacements.labels
    if distortion is None:
        return pictures
    return Split(distort(pictures.images, distortion, rng), pictures.labels)


def _learning(
    model: "keras.Model",
    optimizer: "keras.optimizers.Optimizer",
    batch_size: int,
    sharpness_radius: float,
    compiled: bool,
) -> Callable[[Split], tuple[float, float]]:
    """Make a function that trains on pictures once and gives the mean loss and accuracy.

    The loop over the batches runs within TensorFlow, and if compiled within a single call of XLA,
    so that nothing but the arithmetic is paid for at each step.
    """
    import tensorflow as tf

    weights = model.trainable_variables

    def differentiate(
        images: "tf.Tensor", labels: "tf.Tensor"
    ) -> "tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]":
        with tf.GradientTape() as tape:
            losses, hits = _losses(model(images, training=True), labels)
            loss = tf.reduce_mean(losses)
        return tape.gradient(loss, weights), losses, hits

    def step(images: "tf.Tensor", labels: "tf.Tensor") -> "tf.Tensor":
        gradients, losses, hits = differentiate(images, labels)
        if sharpness_radius:
            with _climbed(weights, gradients, sharpness_radius):
                gradients, _, _ = differentiate(images, labels)
        optimizer.apply(gradients, weights)
        # What shows none of the classes is learned from, but would blur these numbers.
        of_class = tf.cast(labels != NO_CLASS, tf.float32)
        return tf.reduce_sum(tf.stack([losses, hits, tf.ones_like(hits)]) * of_class, axis=1)

    @tf.function(jit_compile=compiled)  # type: ignore[untyped-decorator]
    def whole_pass(images: "tf.Tensor", labels: "tf.Tensor") -> "tf.Tensor":
        size = min(batch_size, len(labels))
        steps = steps_per_epoch(len(labels), batch_size)
        totals = tf.zeros(3)
        for number in tf.range(steps):
            # A slice of a size known beforehand, which XLA asks for.
            at = number * size
            batch = tf.slice(images, [at, 0, 0], [size, *images.shape[1:]])
            totals += step(batch, tf.slice(labels, [at], [size]))
        return totals[:2] / totals[2]

    return lambda pictures: _pair(whole_pass(pictures.images, pictures.labels))


@contextmanager
def _climbed(
    weights: "list[keras.Variable]", gradients: "list[tf.Tensor]", radius: float
) -> Iterator[None]:
    """Hold the weights where the loss is about highest within a radius of where they are."""
    import tensorflow as tf

    before = [tf.identity(weight.value) for weight in weights]
    reach = radius / (tf.linalg.global_norm(gradients) + 1e-12)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.assign_add(reach * gradient)
    yield
    for weight, value in zip(weights, before, strict=True):
        weight.assign(value)


def _measuring(model: "keras.Model") -> Callable[[Split], tuple[float, float]]:
    """Make a function that gives the mean loss and the accuracy on pictures."""
    import tensorflow as tf

    @tf.function  # type: ignore[untyped-decorator]
    def measure(images: "tf.Tensor", labels: "tf.Tensor") -> "tf.Tensor":
        count = tf.shape(labels)[0]
        totals = tf.zeros(2)
        for start in tf.range(0, count, MEASURED_AT_ONCE):
            until = start + MEASURED_AT_ONCE
            losses, hits = _losses(model(images[start:until], training=False), labels[start:until])
            totals += tf.stack([tf.reduce_sum(losses), tf.reduce_sum(hits)])
        return totals

    def means(pictures: Split) -> tuple[float, float]:
        loss, hits = _pair(measure(pictures.images, pictures.labels))
        return loss / len(pictures), hits / len(pictures)

    return means


def _losses(probabilities: "tf.Tensor", labels: "tf.Tensor") -> "tuple[tf.Tensor, tf.Tensor]":
    """Return the cross-entropy of each picture, and 1 where the likeliest class is the right one.

    The target of a picture of no class is the same probability for every class.
    """
    import keras
    import tensorflow as tf

    classes = probabilities.shape[-1]
    targets = tf.one_hot(labels, classes)
    targets += (1 - tf.reduce_sum(targets, axis=-1, keepdims=True)) / classes
    losses = keras.losses.categorical_crossentropy(targets, probabilities)
    likeliest = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
    return losses, tf.cast(likeliest == tf.cast(labels, tf.int32), tf.float32)


def _pair(values: "tf.Tensor") -> tuple[float, float]:
    first, second = values.numpy().tolist()
    return first, second


def _report(record: Epoch, on_epoch: Callable[[Epoch], None] | None) -> None:
    if on_epoch:
        on_epoch(record)
