"""Run one trial: train and measure in this process."""

import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.config.checking import validate
from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.splits import load_split
from pipeline.digits.training.state import Epoch
from pipeline.experiments.trial import Outcome, Trial
from pipeline.stages import evaluate, network
from pipeline.stages.prepared import DatasetInfo, split_file
from pipeline.system.errors import kind_and_words

TEST_METRICS = ("test_accuracy", "test_loss", "test_mistakes", "test_calibration_error")
LATENCY_RUNS = 100

OnEpoch = Callable[[Epoch], None]


class StoppedError(Exception):
    """A trial was given up before its last epoch, because others promise more."""


def run_trial(trial: Trial, on_epoch: OnEpoch) -> Outcome:
    """Train and measure in this process. What goes wrong is told in the outcome, never raised.

    Args:
        trial: What to train on what.
        on_epoch: Told of every epoch as it ends; may raise `StoppedError`.
    """
    started = time.perf_counter()
    history: list[dict[str, Any]] = []

    def keep(epoch: Epoch) -> None:
        history.append(asdict(epoch))
        on_epoch(epoch)

    status: Literal["finished", "stopped", "failed"] = "failed"
    metrics: dict[str, float] = {}
    told = None
    try:
        metrics = _train_and_measure(trial, keep)
        status = "finished"
    except StoppedError:
        status = "stopped"
    except Exception as error:  # whatever it is, the other trials go on
        told = kind_and_words(error, 500)
    return Outcome(
        status=status,
        error=told,
        metrics=metrics,
        history=history,
        seconds=time.perf_counter() - started,
        training_seconds=sum(epoch["seconds"] for epoch in history),
        peak_memory=_peak_memory(),
    )


def _train_and_measure(trial: Trial, on_epoch: OnEpoch) -> dict[str, float]:
    """Do what the stages train and evaluate do, without their files."""
    config = validate(trial.config)
    info = DatasetInfo.load(trial.data)
    learned, validation, test = (
        load_split(split_file(name, trial.data)) for name in ("train", "validation", "test")
    )
    classes = len(info.class_names)
    model = network.build(config, learned, classes)
    training = network.learn(model, learned, validation, config, on_epoch)
    metrics = network.measure(model, validation, training, config)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        network.export(model, path, learned, network.metadata(metrics, config, info.note))
        classifier = Classifier.load(path)
        evaluation = evaluate.evaluate(classifier, test, classes)
    described = evaluate.describe(evaluation, test, info)
    latency = {"latency_ms": 1000 * _seconds_a_picture(classifier, test.images[:1])}
    return metrics | {name: described[name] for name in TEST_METRICS} | latency


def _seconds_a_picture(classifier: Classifier, picture: NDArray[np.uint8]) -> float:
    """Return the median time that one picture alone takes."""
    times = []
    for _ in range(LATENCY_RUNS):
        begun = time.perf_counter()
        classifier.probabilities(picture)
        times.append(time.perf_counter() - begun)
    return median(times)


def _peak_memory() -> int:
    """Return the most memory that this process has held so far, in bytes."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # macOS tells bytes, Linux KiB
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
