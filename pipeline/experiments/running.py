"""Run one trial in this process: train a network and measure it."""

import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from pipeline.config.checking import validate
from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.inference.metrics import reliability
from pipeline.digits.robustness.measure import cost, measure
from pipeline.digits.splits import Split, load_split
from pipeline.digits.training.sharing import SharedPictures
from pipeline.digits.training.state import Epoch
from pipeline.experiments.trial import Outcome, Trial
from pipeline.stages import evaluate, network
from pipeline.stages.prepared import DatasetInfo, split_file
from pipeline.system.errors import type_and_message

TEST_METRICS = ("test_accuracy", "test_loss", "test_mistakes", "test_calibration_error")
CORRUPTED = 250  # pictures of each kind: a fifth of a second for the default network


class StoppedError(Exception):
    """The trial was stopped before its last epoch, because others look more promising."""


def run_trial(
    trial: Trial, on_epoch: Callable[[Epoch], None], pictures: Path | None = None
) -> Outcome:
    """Run a trial in this process. Errors are not raised; they become part of the outcome.

    Args:
        trial: The trial to run.
        on_epoch: Called after every epoch; may raise `StoppedError`.
        pictures: A folder in which trials share the pictures that they learn from.
    """
    started = time.perf_counter()
    history: list[dict[str, Any]] = []

    def keep(epoch: Epoch) -> None:
        history.append(asdict(epoch))
        on_epoch(epoch)

    status: Literal["finished", "stopped", "failed"] = "failed"
    metrics: dict[str, float] = {}
    message = None
    try:
        metrics = _train_and_measure(trial, keep, pictures)
        status = "finished"
    except StoppedError:
        status = "stopped"
    except Exception as error:  # no error of one trial may stop the others
        message = type_and_message(error, 500)
    return Outcome(
        status=status,
        error=message,
        metrics=metrics,
        history=history,
        seconds=time.perf_counter() - started,
        training_seconds=sum(epoch["seconds"] for epoch in history),
        peak_memory=_peak_memory(),
    )


def _train_and_measure(
    trial: Trial, on_epoch: Callable[[Epoch], None], pictures: Path | None
) -> dict[str, float]:
    """Do the work of the stages train and evaluate, without leaving files."""
    config = validate(trial.config)
    info = DatasetInfo.load(trial.data)
    learned, validation, test = (
        load_split(split_file(name, trial.data)) for name in ("train", "validation", "test")
    )
    classes = len(info.class_names)
    model = network.build(config, learned, classes)
    shared = SharedPictures(pictures, info.digest) if pictures else None
    training = network.learn(model, learned, validation, config, on_epoch, shared=shared)
    metrics = network.measure(model, validation, training, config)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        about = network.metadata(metrics, config, info.note)
        network.export(model, path, learned, about)
        network.keep_reference(path, validation, about)
        classifier = Classifier.load(path)
        evaluation = evaluate.evaluate(classifier, test, classes)
        price = cost(path, test.images)
    described = evaluate.describe(evaluation, test, info)
    tested = {name: described[name] for name in TEST_METRICS}
    return metrics | tested | _validated(classifier, validation) | price


def _validated(classifier: Classifier, validation: Split) -> dict[str, float]:
    """Measure on validation pictures what a search can seek besides accuracy.

    So the choice between trials depends on no test picture. Evaluate measures the same on the test
    part, on more pictures.
    """
    probabilities = classifier.probabilities(validation.images)
    calibration = reliability(validation.labels, probabilities).expected_calibration_error
    summary = measure(classifier, validation, probabilities, CORRUPTED).summary()
    return {f"val_{name}": value for name, value in summary.items()} | {
        "val_calibration_error": calibration
    }


def _peak_memory() -> int:
    """Return the peak resident memory of this process so far, in bytes."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # macOS gives bytes, Linux KiB
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
