"""Schedules of the learning rate have the right shape, and every optimiser takes each of them."""

import numpy as np
import pytest

from pipeline.digits.training import optimizers


def test_cosine_rises_falls_and_ends():
    schedule = optimizers.cosine(0.1, 1000, warmup_fraction=0.1, final_fraction=0.01)
    rates = [float(schedule(step)) for step in (0, 50, 100, 550, 1000, 2000)]
    assert rates == pytest.approx([0.0, 0.05, 0.1, 0.0505, 0.001, 0.001], rel=1e-3)


def test_cosine_without_warm_up_starts_at_the_top():
    schedule = optimizers.cosine(0.1, 10)
    assert [float(schedule(step)) for step in (0, 5, 10)] == pytest.approx([0.1, 0.05, 0.0])


def test_constant_stays_once_it_is_warm():
    assert optimizers.constant(0.1, 1000) == 0.1
    schedule = optimizers.constant(0.1, 1000, warmup_fraction=0.1)
    rates = [float(schedule(step)) for step in (0, 50, 100, 550, 1000)]
    assert rates == pytest.approx([0, 0.05, 0.1, 0.1, 0.1])


@pytest.mark.parametrize("make", [optimizers.adam, optimizers.adamw, optimizers.sgd])
@pytest.mark.parametrize("schedule", [optimizers.constant, optimizers.cosine])
def test_optimizers_take_every_schedule(make, schedule):
    optimizer = make(schedule(0.25, 100))
    assert float(np.asarray(optimizer.learning_rate)) == pytest.approx(0.25)


def test_weight_decay_spares_biases_and_normalisations():
    import keras

    names = ("kernel", "bias", "gamma", "beta")
    kernel, *others = variables = [keras.Variable(np.ones(2), name=name) for name in names]
    optimizer = optimizers.adamw(0.1, weight_decay=0.5)
    optimizer.apply([np.zeros(2, np.float32)] * 4, variables)
    assert np.asarray(kernel) == pytest.approx(0.95)
    assert np.asarray(others) == pytest.approx(1.0)


@pytest.mark.parametrize("make", [optimizers.adam, optimizers.adamw])
def test_settings_reach_the_optimizer(make):
    optimizer = make(0.1, beta_1=0.5, beta_2=0.6, epsilon=0.01)
    assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon) == (0.5, 0.6, 0.01)
