"""A step follows the gradient, compiled or not, and an epoch has whole batches."""

import numpy as np
import pytest
from support.training import TRAIN, VALIDATION, cnn, mlp, train

from pipeline.digits.training.fit import fit
from pipeline.digits.training.plan import TrainingPlan
from pipeline.digits.training.steps import measuring_epoch, runs_compiled, steps_per_epoch


def test_a_sharpness_radius_takes_the_gradient_up_the_slope():
    """On one softmax layer, where the gradient is known: (p - y) x, averaged over the batch."""
    import keras

    def step(radius):
        keras.utils.set_random_seed(0)
        pixels = keras.Input((12, 12), dtype="uint8")
        flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pixels))
        model = keras.Model(pixels, keras.layers.Dense(2, "softmax", use_bias=False)(flat))
        before = model.get_weights()[0]
        plan = TrainingPlan(
            epochs=1, batch_size=len(TRAIN), seed=0, sharpness_radius=radius, jit_compile=False
        )
        fit(model, keras.optimizers.SGD(0.5), TRAIN, VALIDATION, plan)
        return before, (before - model.get_weights()[0]) / 0.5

    flat = TRAIN.images.reshape(len(TRAIN), -1) / 255
    one_hot = np.eye(2)[TRAIN.labels]

    def gradient(weights):
        scores = np.exp(flat @ weights)
        return flat.T @ (scores / scores.sum(1, keepdims=True) - one_hot) / len(TRAIN)

    weights, plain = step(0)
    there = gradient(weights)
    assert plain == pytest.approx(there, abs=1e-6)
    _, sharp = step(0.7)
    up = gradient(weights + 0.7 * there / np.linalg.norm(there))
    assert sharp == pytest.approx(up, abs=1e-6)
    assert np.abs(up - there).max() > 1e-3


def test_compiled_and_plain_steps_do_the_same():
    compiled, _ = train(mlp, epochs=1, jit_compile=True)
    plain, _ = train(mlp, epochs=1, jit_compile=False)
    for first, second in zip(compiled.get_weights(), plain.get_weights(), strict=True):
        assert np.allclose(first, second, atol=1e-4)


def test_measuring_takes_every_picture_once(monkeypatch):
    monkeypatch.setattr("pipeline.digits.training.steps.MEASURED_AT_ONCE", 25)
    model = mlp()
    probabilities = np.asarray(model(VALIDATION.images))
    right = probabilities[np.arange(len(VALIDATION)), VALIDATION.labels]
    loss, accuracy = measuring_epoch(model)(VALIDATION)
    assert loss == pytest.approx(-np.log(right).mean(), rel=1e-5)
    assert accuracy == pytest.approx((probabilities.argmax(1) == VALIDATION.labels).mean())


@pytest.mark.parametrize(
    ("pictures", "batch", "steps"), [(5, 64, 1), (64, 64, 1), (127, 64, 1), (128, 64, 2)]
)
def test_steps_per_epoch(pictures, batch, steps):
    assert steps_per_epoch(pictures, batch) == steps


@pytest.mark.parametrize(
    ("build", "expected"), [(mlp, True), (lambda: mlp(dropout=0.1), False), (cnn, False)]
)
def test_small_dense_networks_are_compiled(build, expected):
    assert runs_compiled(build()) is expected
