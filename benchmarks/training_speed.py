"""Measure an epoch of training: ours, Keras's fit, hand-written loops, the matrix products alone.

`python -m benchmarks.training_speed [--rounds 5] [--hidden-units 128 128] [--batch-size 32]` trains
the same network on the same 60,000 random pictures, with one epoch of each method in turn, so that
all meet the same noise. The first round, which compiles, does not count. PyTorch, if it is
installed, is timed on one thread and on one thread per core; the faster counts.
"""

import argparse
import importlib.util
import itertools
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.table import Row, median_and_spread, print_rows
from pipeline.digits.splits import Split
from pipeline.digits.training.fit import fit
from pipeline.digits.training.networks import mlp
from pipeline.digits.training.optimizers import adam
from pipeline.digits.training.plan import TrainingPlan
from pipeline.digits.training.start.tensorflow import start_tensorflow
from pipeline.digits.training.state import Epoch

Floats = NDArray[np.float32]
Epochs = Iterator[None]

CLASSES = 10
TORCH = "PyTorch loop"


def main() -> None:
    """Time every method of training and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=60_000)
    parser.add_argument("--hidden-units", type=int, nargs="+", default=[128, 128])
    parser.add_argument("--batch-size", type=int, default=32)
    arguments = parser.parse_args()
    start_tensorflow(None)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (arguments.pictures, 28, 28), np.uint8)
    train = Split(images, rng.integers(0, CLASSES, arguments.pictures).astype(np.uint8))
    methods: dict[str, Callable[..., Epochs]] = {
        "this project's fit": ours,
        "Keras's model.fit": keras_fit,
        "NumPy loop with Adam": numpy_loop,
        "matrix products alone": products,
    }
    if importlib.util.find_spec("torch"):
        methods |= {f"{TORCH}, threads: {n}": partial(torch_loop, n) for n in (1, os.cpu_count())}
    else:
        print("no PyTorch here (pip install torch): its row is left out")
    seconds = faster_torch(measure(methods, train, arguments))
    batch = f"batches of {arguments.batch_size}"
    options = f"--batch-size {arguments.batch_size} --rounds {arguments.rounds}"
    command = f"python -m benchmarks.training_speed {options}"
    print_rows(
        [
            Row(f"{method}: epoch against Keras's model.fit, {batch}", ratio, command)
            for method, ratio in ratios(seconds).items()
        ]
    )


def measure(
    methods: dict[str, Callable[..., Epochs]], train: Split, arguments: argparse.Namespace
) -> dict[str, list[float]]:
    """Return the seconds of each method's epochs, without the first."""
    running = {
        name: method(train, arguments.hidden_units, arguments.batch_size, arguments.rounds + 1)
        for name, method in methods.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for number in range(arguments.rounds + 1):
        for name, epochs in running.items():
            before = time.perf_counter()
            next(epochs)
            taken = time.perf_counter() - before
            print(f"round {number}: {name} {taken:.2f} s", flush=True)
            if number:
                seconds[name].append(taken)
    return seconds


def faster_torch(seconds: dict[str, list[float]]) -> dict[str, list[float]]:
    """Keep only the faster of PyTorch's loops."""
    of_torch = [taken for method, taken in seconds.items() if TORCH in method]
    others = {method: taken for method, taken in seconds.items() if TORCH not in method}
    return others | ({TORCH: min(of_torch, key=median)} if of_torch else {})


def ratios(seconds: dict[str, list[float]]) -> dict[str, str]:
    """Divide each epoch's seconds by those of model.fit in the same round."""
    base = seconds["Keras's model.fit"]
    return {
        method: median_and_spread([one / b for one, b in zip(taken, base, strict=True)], "×")
        for method, taken in seconds.items()
    }


def ours(train: Split, hidden_units: list[int], batch_size: int, epochs: int) -> Epochs:
    """Train with this project's fit, with one validation picture, since the others use none."""
    import threading

    model = mlp((28, 28), CLASSES, hidden_units=hidden_units)
    go, done = threading.Semaphore(0), threading.Semaphore(0)

    def pause(epoch: Epoch) -> None:
        done.release()
        go.acquire()

    def work() -> None:
        go.acquire()
        one = train.take(np.arange(1))
        plan = TrainingPlan(epochs=epochs, batch_size=batch_size, seed=0)
        fit(model, adam(0.001), train, one, plan, on_epoch=pause)

    threading.Thread(target=work, daemon=True).start()
    for _ in range(epochs):
        go.release()
        done.acquire()
        yield


def keras_fit(train: Split, hidden_units: list[int], batch_size: int, epochs: int) -> Epochs:
    """Train as Keras's tutorials do."""
    model = mlp((28, 28), CLASSES, hidden_units=hidden_units)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    for _ in range(epochs):
        model.fit(train.images, train.labels, batch_size=batch_size, verbose=0)
        yield


def torch_loop(
    threads: int, train: Split, hidden_units: list[int], batch_size: int, epochs: int
) -> Epochs:
    """Train as PyTorch's tutorials do, with all tensors in memory."""
    import torch

    sizes = [784, *hidden_units]
    layers: list[torch.nn.Module] = []
    for wide, narrow in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(wide, narrow), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], CLASSES))
    optimizer = torch.optim.Adam(model.parameters())
    pixels = torch.from_numpy(_scaled(train))
    labels = torch.from_numpy(train.labels.astype(np.int64))
    for _ in range(epochs):
        torch.set_num_threads(threads)
        for rows in torch.randperm(len(labels)).split(batch_size):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(pixels[rows]), labels[rows]).backward()
            optimizer.step()
        yield


def numpy_loop(train: Split, hidden_units: list[int], batch_size: int, epochs: int) -> Epochs:
    """Train with forward pass, backward pass and Adam written in NumPy."""
    rng = np.random.default_rng(0)
    weights = _weights(hidden_units, rng)
    parameters = [*weights, *(np.zeros(w.shape[1], np.float32) for w in weights)]
    means = [np.zeros_like(p) for p in parameters]
    squares = [np.zeros_like(p) for p in parameters]
    scratch = [np.empty_like(p) for p in parameters]
    pixels, step = _scaled(train), 0
    for _ in range(epochs):
        order = rng.permutation(len(train))
        for start in range(0, len(order) - batch_size + 1, batch_size):
            rows = order[start : start + batch_size]
            gradients = _gradients(parameters, pixels[rows], train.labels[rows])
            step += 1
            rate = np.float32(1e-3 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step))
            for p, g, m, v, s in zip(parameters, gradients, means, squares, scratch, strict=True):
                m *= np.float32(0.9)
                m += np.multiply(g, np.float32(0.1), out=s)
                v *= np.float32(0.999)
                v += np.multiply(np.square(g, out=s), np.float32(0.001), out=s)
                np.sqrt(v, out=s)
                s += np.float32(1e-7)
                np.divide(m, s, out=s)
                p -= np.multiply(s, rate, out=s)
        yield


def _gradients(parameters: list[Floats], batch: Floats, labels: NDArray[np.uint8]) -> list[Floats]:
    depth = len(parameters) // 2
    weights, biases = parameters[:depth], parameters[depth:]
    activations = [batch]
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        activations.append(np.maximum(activations[-1] @ weight + bias, 0))
    logits = activations[-1] @ weights[-1] + biases[-1]
    back = np.exp(logits - logits.max(axis=1, keepdims=True))
    back /= back.sum(axis=1, keepdims=True)
    back[np.arange(len(labels)), labels] -= 1
    back /= len(labels)
    of_weights, of_biases = [], []
    for layer in reversed(range(depth)):
        of_weights.append(activations[layer].T @ back)
        of_biases.append(back.sum(axis=0))
        if layer:
            back = (back @ weights[layer].T) * (activations[layer] > 0)
    return [*reversed(of_weights), *reversed(of_biases)]


def products(train: Split, hidden_units: list[int], batch_size: int, epochs: int) -> Epochs:
    """Compute only the matrix products of training."""
    rng = np.random.default_rng(0)
    weights = _weights(hidden_units, rng)
    sizes = [784, *hidden_units, CLASSES]
    answers = [rng.random((batch_size, size), np.float32) for size in sizes]
    for _ in range(epochs):
        for _ in range(len(train) // batch_size):
            for layer, weight in enumerate(weights):
                answers[layer] @ weight
                answers[layer].T @ answers[layer + 1]
                if layer:
                    answers[layer + 1] @ weight.T
        yield


def _weights(hidden_units: list[int], rng: np.random.Generator) -> list[Floats]:
    sizes = [784, *hidden_units, CLASSES]
    return [
        rng.standard_normal((wide, narrow), np.float32) * np.float32(np.sqrt(2 / wide))
        for wide, narrow in itertools.pairwise(sizes)
    ]


def _scaled(train: Split) -> Floats:
    return train.images.reshape(len(train), -1).astype(np.float32) / np.float32(255)


if __name__ == "__main__":
    main()
