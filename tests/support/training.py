"""A task that tiny networks learn in seconds: telling vertical from horizontal bars."""

from dataclasses import replace

import numpy as np

from pipeline.digits.splits import Split
from pipeline.digits.training import networks, optimizers
from pipeline.digits.training.augmentation import Distortion
from pipeline.digits.training.fit import fit
from pipeline.digits.training.plan import TrainingPlan
from pipeline.digits.training.steps import steps_per_epoch


def bars(count, seed):
    """Make 12x12 pictures of vertical (0) and horizontal (1) bars under noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count).astype(np.uint8)
    images = rng.integers(0, 60, (count, 12, 12)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        at = rng.integers(3, 8)
        image[(slice(2, 10), slice(at, at + 2)) if label == 0 else (slice(at, at + 2),)] += 150
    return Split(images, labels)


TRAIN = bars(150, 1)
VALIDATION = bars(60, 2)
GENTLE = Distortion(share=0.8, shift=1.0, scale=0.1, elastic=0.5, thickness=0.5)
# XLA takes seconds to compile: only the tests about it turn it on.
PLAN = TrainingPlan(epochs=4, batch_size=16, seed=3, distortion=GENTLE, jit_compile=False)


def mlp(**options):
    return networks.mlp((12, 12), 2, hidden_units=[12], **options)


def cnn():
    return networks.cnn((12, 12), 2, filters=[4], dense_units=[8], dropout=0.3)


def train(build, *, rate=0.01, data=TRAIN, checkpoint_dir=None, on_epoch=None, **changes):
    """Train a new network by the plan above with some changes; return it and its training."""
    import keras

    plan = replace(PLAN, **changes)
    keras.utils.set_random_seed(plan.seed)
    model = build()
    steps = plan.epochs * steps_per_epoch(len(data), plan.batch_size)
    optimizer = optimizers.adam(optimizers.cosine(rate, steps))
    return model, fit(model, optimizer, data, VALIDATION, plan, checkpoint_dir, on_epoch)


def same_weights(first, second):
    return all(
        np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True)
    )


class InterruptionError(Exception):
    """Stands for the process being killed."""


def interrupt_after(epoch):
    def callback(record):
        if record.epoch == epoch:
            raise InterruptionError

    return callback
