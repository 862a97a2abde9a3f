"""One epoch of learning and one of measuring, compiled or not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.digits.splits import Split
from pipeline.digits.training.epochs import NO_CLASS

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

MEASURED_AT_ONCE = 500

# Compiled by XLA, the steps run on one core and leave another to the distortion. Beyond this many
# weights two cores without XLA were quicker; dropout's random numbers take XLA seven times as long,
# and convolutions did not finish.
LARGEST_COMPILED = 600_000
COMPILED_LAYERS = frozenset(
    {"InputLayer", "Rescaling", "Flatten", "Dense", "BatchNormalization", "Activation"}
)


def steps_per_epoch(pictures: int, batch_size: int) -> int:
    """Say how many full batches an epoch has; fewer pictures than a batch are a batch of their own.

    Since the order changes with every epoch, so do the pictures that are left over.
    """
    return max(1, pictures // batch_size)


def runs_compiled(model: "keras.Model") -> bool:
    """Say whether XLA was measured to train this kind of network faster: small and dense."""
    kinds = {type(layer).__name__ for layer in model.layers}
    return kinds <= COMPILED_LAYERS and model.count_params() <= LARGEST_COMPILED


def learning_epoch(
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


def measuring_epoch(model: "keras.Model") -> Callable[[Split], tuple[float, float]]:
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
