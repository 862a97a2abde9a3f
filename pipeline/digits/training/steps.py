"""Run one epoch of training or of validation within TensorFlow, compiled by XLA or not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.digits.splits import Split
from pipeline.digits.training.epochs import NO_CLASS
from pipeline.digits.training.plan import TrainingPlan

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

MEASURED_AT_ONCE = 500

# Compiled by XLA, the steps run on one core and leave another one to the distortion. Above this
# many weights, two cores without XLA were faster. With XLA, dropout's random numbers take seven
# times as long, and convolutions did not finish.
LARGEST_COMPILED = 600_000
COMPILED_LAYERS = frozenset(
    {"InputLayer", "Rescaling", "Flatten", "Dense", "BatchNormalization", "Activation"}
)


def steps_per_epoch(pictures: int, batch_size: int) -> int:
    """Return the number of full batches per epoch; 1 if there are fewer pictures than a batch.

    The order changes with every epoch, so other pictures are left over each time.
    """
    return max(1, pictures // batch_size)


def runs_compiled(model: "keras.Model") -> bool:
    """Return whether XLA was measured to be faster for this kind of network: small and dense."""
    kinds = {type(layer).__name__ for layer in model.layers}
    return kinds <= COMPILED_LAYERS and model.count_params() <= LARGEST_COMPILED


def learning_epoch(
    model: "keras.Model", optimizer: "keras.optimizers.Optimizer", plan: TrainingPlan
) -> Callable[[Split], tuple[float, float]]:
    """Return a function that trains on pictures once and returns the mean loss and the accuracy.

    The loop over the batches runs within TensorFlow, if compiled as a single call of XLA, so that a
    step has no overhead.
    """
    import tensorflow as tf

    weights = model.trainable_variables
    compiled = runs_compiled(model) if plan.jit_compile == "auto" else plan.jit_compile

    def differentiate(
        images: "tf.Tensor", labels: "tf.Tensor"
    ) -> "tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]":
        with tf.GradientTape() as tape:
            losses, hits = _losses(model(images, training=True), labels)
            loss = tf.reduce_mean(losses)
        return tape.gradient(loss, weights), losses, hits

    def step(images: "tf.Tensor", labels: "tf.Tensor") -> "tf.Tensor":
        gradients, losses, hits = differentiate(images, labels)
        if plan.sharpness_radius:
            with _climbed(weights, gradients, plan.sharpness_radius):
                gradients, _, _ = differentiate(images, labels)
        optimizer.apply(gradients, weights)
        # Pictures of no class are trained on, but do not count in these metrics.
        of_class = tf.cast(labels != NO_CLASS, tf.float32)
        return tf.reduce_sum(tf.stack([losses, hits, tf.ones_like(hits)]) * of_class, axis=1)

    @tf.function(jit_compile=compiled)  # type: ignore[untyped-decorator]
    def whole_pass(images: "tf.Tensor", labels: "tf.Tensor") -> "tf.Tensor":
        size = min(plan.batch_size, len(labels))
        steps = steps_per_epoch(len(labels), plan.batch_size)
        totals = tf.zeros(3)
        for number in tf.range(steps):
            # XLA needs slices whose size is known beforehand.
            at = number * size
            batch = tf.slice(images, [at, 0, 0], [size, *images.shape[1:]])
            totals += step(batch, tf.slice(labels, [at], [size]))
        return totals[:2] / totals[2]

    return lambda pictures: _pair(whole_pass(pictures.images, pictures.labels))


@contextmanager
def _climbed(
    weights: "list[keras.Variable]", gradients: "list[tf.Tensor]", radius: float
) -> Iterator[None]:
    """Move the weights to about the highest loss within a radius, and back after the block."""
    import tensorflow as tf

    before = [tf.identity(weight.value) for weight in weights]
    reach = radius / (tf.linalg.global_norm(gradients) + 1e-12)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.assign_add(reach * gradient)
    yield
    for weight, value in zip(weights, before, strict=True):
        weight.assign(value)


def measuring_epoch(model: "keras.Model") -> Callable[[Split], tuple[float, float]]:
    """Return a function that returns the mean loss and the accuracy on pictures."""
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
    """Return the cross-entropy of each picture, and 1 where the most likely class is right, else 0.

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
