"""A configuration trained again gives the same bits, in another process as well."""

import gc
import hashlib
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.digits.datasets.mnist import mnist_5000
from pipeline.experiments.forkserver import start_forkserver
from pipeline.stages.network import build, learn, measure
from pipeline.system.garbage import GC_THRESHOLD

pytestmark = pytest.mark.end_to_end

# Wide enough for TensorFlow to share the work of an operation out among threads.
NETWORKS = {
    "mlp": ("model=mlp", "model.hidden_units=[64]"),
    "cnn": ("model=cnn", "model.filters=[8,16]", "model.dropout=0.2"),
}
SMALL = ("data=mnist_5000", "train.epochs=2", "train.drawn_share=0.0", "train.other_share=0.0")


def train_once(network, threads):
    """Train as the train stage does; return a digest of the weights, and the metrics."""
    config = validate(compose([*NETWORKS[network], *SMALL, f"train.threads={threads}"]))
    digits = mnist_5000().train
    learned, validation = (digits.take(np.arange(first, 4000, 8)) for first in (0, 1))
    model = build(config, learned, 10)
    training = learn(model, learned, validation, config)
    weights = hashlib.sha256(b"".join(array.tobytes() for array in model.get_weights()))
    return weights.hexdigest(), measure(model, validation, training, config)


@pytest.fixture(scope="module")
def pool():
    """Return a pool that does everything in a process of its own, forked as trials are."""
    start_forkserver()
    forkserver = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(2, forkserver, max_tasks_per_child=1) as pool:
        yield pool


@pytest.fixture(scope="module")
def results(pool):
    """Return what trainings of each network came to: two on two threads, then one on one."""
    begun = {
        network: [pool.submit(train_once, network, threads) for threads in (2, 2, 1)]
        for network in NETWORKS
    }
    return {network: [future.result() for future in three] for network, three in begun.items()}


def imported():
    return set(sys.modules)


def test_keras_brings_nothing_along_that_training_does_without(pool):
    names = pool.submit(imported).result()
    assert "keras" in names
    assert not names & {"sklearn", "pandas", "matplotlib.pyplot"}


def test_what_trials_are_forked_from_seldom_looks_for_garbage(pool):
    assert pool.submit(gc.get_threshold).result()[0] == GC_THRESHOLD


@pytest.mark.parametrize("network", NETWORKS)
def test_same_seed_and_threads_give_the_same_bits(results, network):
    first, second, _ = results[network]
    assert first == second


@pytest.mark.parametrize(("network", "digits"), [("mlp", 6), ("cnn", 3)])
def test_the_number_of_threads_changes_no_more_than_the_last_digits(results, network, digits):
    _, (_, metrics), (_, others) = results[network]
    assert metrics["val_loss"] == pytest.approx(others["val_loss"], rel=10**-digits)
