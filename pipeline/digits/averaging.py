"""The running mean of a network's weights, which is better than where they happen to stand."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


class RunningMean:
    """An exponential moving average of all a network has learned (Polyak & Juditsky 1992).

    Weights that move around a minimum from step to step come to rest in it. The means and variances
    of batch normalisation are averaged alike.
    """

    def __init__(self, model: "keras.Model", decay: float) -> None:
        """Begin at the weights as they are.

        Args:
            model: The network, built.
            decay: What remains of the mean at each step, 0..1: it reaches back over some
                1 / (1 - decay) steps.
        """
        import keras

        self._decay = decay
        self._followed = [v for v in model.variables if "float" in str(v.dtype)]
        self.variables = [keras.Variable(v, trainable=False) for v in self._followed]

    def follow(self, step: "tf.Tensor") -> None:
        """Take the weights after a step, counted from 1, into the mean; may run in a graph."""
        import tensorflow as tf

        # Over fewer steps at first, so that the weights it began at are soon forgotten.
        count = tf.cast(step, tf.float32)
        weight = 1 - tf.minimum(self._decay, (1 + count) / (10 + count))
        for mean, variable in zip(self.variables, self._followed, strict=True):
            mean.assign_add(weight * (variable.value - mean.value))

    def take_over(self) -> None:
        """Give the network the mean as its weights."""
        assign(self._followed, [mean.numpy() for mean in self.variables])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Lend the network the mean as its weights."""
        values = [variable.numpy().copy() for variable in self._followed]
        self.take_over()
        try:
            yield
        finally:
            assign(self._followed, values)


def assign(variables: "Sequence[keras.Variable]", values: Sequence[NDArray[Any]]) -> None:
    """Give each variable its value."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
