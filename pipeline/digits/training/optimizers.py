"""Optimisers, and the schedules of their learning rate.

A schedule takes the training's `learning_rate` and `total_steps` and returns what an optimiser
takes as its `learning_rate`. All other parameters come from the configuration.
"""

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

if TYPE_CHECKING:
    import keras

LearningRate = Union[float, "keras.optimizers.schedules.LearningRateSchedule"]
Decay = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
WarmupFraction = Annotated[float, Field(ge=0, lt=1)]


def constant(
    learning_rate: float, total_steps: int, *, warmup_fraction: WarmupFraction = 0.0
) -> LearningRate:
    """Keep the learning rate constant.

    Args:
        learning_rate: The learning rate.
        total_steps: Batches in the whole training.
        warmup_fraction: Share of the training in which the rate first rises linearly from 0.
    """
    if not warmup_fraction:
        return learning_rate
    return cosine(learning_rate, total_steps, warmup_fraction=warmup_fraction, final_fraction=1.0)


def cosine(
    learning_rate: float,
    total_steps: int,
    *,
    warmup_fraction: WarmupFraction = 0.0,
    final_fraction: Share = 0.0,
) -> "keras.optimizers.schedules.LearningRateSchedule":
    """Let the learning rate fall along half a cosine (Loshchilov & Hutter 2017).

    Args:
        learning_rate: The highest learning rate.
        total_steps: Batches in the whole training.
        warmup_fraction: Share of the training in which the rate first rises linearly from 0.
        final_fraction: Final rate, as a share of the highest.
    """
    from keras.optimizers.schedules import CosineDecay

    warmup_steps = round(warmup_fraction * total_steps)
    return CosineDecay(
        initial_learning_rate=0.0 if warmup_steps else learning_rate,
        decay_steps=max(1, total_steps - warmup_steps),
        alpha=final_fraction,
        warmup_target=learning_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )


def adam(
    learning_rate: LearningRate,
    *,
    beta_1: Decay = 0.9,
    beta_2: Decay = 0.999,
    epsilon: Annotated[float, Field(gt=0, le=1)] = 1e-7,
) -> "keras.optimizers.Optimizer":
    """Adam (Kingma & Ba 2015); `beta_1` and `beta_2` are the decay rates of the two moments."""
    import keras

    return keras.optimizers.Adam(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)


def adamw(
    learning_rate: LearningRate,
    *,
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.01,
    beta_1: Decay = 0.9,
    beta_2: Decay = 0.999,
    epsilon: Annotated[float, Field(gt=0, le=1)] = 1e-7,
) -> "keras.optimizers.Optimizer":
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019).

    Each step shrinks every matrix and filter by `weight_decay` times the learning rate; biases and
    the scales and offsets of normalisations are left alone.
    """
    import keras

    optimizer = keras.optimizers.AdamW(
        learning_rate, weight_decay=weight_decay, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def sgd(
    learning_rate: LearningRate,
    *,
    momentum: Decay = 0.9,
    nesterov: bool = True,
) -> "keras.optimizers.Optimizer":
    """Stochastic gradient descent with momentum, by default Nesterov's."""
    import keras

    return keras.optimizers.SGD(learning_rate, momentum=momentum, nesterov=nesterov)
