"""Stage 3: measure the trained network on the test set, which no other stage uses.

`digits evaluate` writes reports/evaluate/ and adds to the training's MLflow run. It also draws the
learning curves and examples of lines, from what the trainings left in reports/. It needs no
TensorFlow: the network runs on ONNX Runtime.
"""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.cli.command import run_stage
from pipeline.config.places import (
    METRICS_NAME,
    MODELS,
    ONNX_FILE,
    REPORTS,
    RUN_ID_NAME,
    report_dir,
    summary_file,
)
from pipeline.config.schema import Config
from pipeline.config.trees import Tree
from pipeline.digits.inference.classifier import BATCH_SIZE, Classifier
from pipeline.digits.inference.metrics import (
    Reliability,
    accuracy,
    confusion_matrix,
    cross_entropy,
    precision_and_recall,
    reliability,
)
from pipeline.digits.robustness.corruptions import corrupt
from pipeline.digits.robustness.measure import SEED, Robustness, cost, measure
from pipeline.digits.splits import Split, digest, load_split
from pipeline.inventory.digests import expect_unchanged
from pipeline.stages.prepared import DatasetInfo, split_file
from pipeline.stages.training_report import LineExamples, load_line_examples, read_history
from pipeline.system.files import replace_together, write_csv, write_json, write_text
from pipeline.system.progress import SHOW_AFTER, progress
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import reopened_run
from pipeline.tracking.recording.records import File
from pipeline.tracking.run_ids import read_run_id
from pipeline.tracking.training_records import evaluation_metrics

log = logging.getLogger(__name__)

STAGE = "evaluate"
KEY_METRICS = (
    "test_accuracy",
    "test_loss",
    "test_mistakes",
    "test_calibration_error",
    "corrupted_accuracy",
    "stand_in",
)
"""The metrics in DVC's tables."""
CORRUPTED = 1000  # pictures of each kind
ROBUSTNESS_NAME = "robustness.json"
LOW_MATRIX_NAME = "confusion_low.png"  # for the page of the run
TRAINED, LINES_TRAINED = REPORTS / "train", REPORTS / "train-lines"


@dataclass(frozen=True)
class Evaluation:
    """The network's answers to the test set, and how good they are.

    Attributes:
        probabilities: Calibrated probabilities, float32 (n, classes).
        confusion: Number of pictures by true class (rows) and predicted class (columns).
        before: Confidence against accuracy, before temperature scaling.
        after: The same after temperature scaling.
        temperature: The divisor of the logits.
    """

    probabilities: NDArray[np.float32]
    confusion: NDArray[np.int64]
    before: Reliability
    after: Reliability
    temperature: float


def run(config: Config) -> None:
    """Measure the network in models/ and record the result in its MLflow run."""
    info = DatasetInfo.load()
    request = RunRequest(config.tracking.experiment, "replacement of a lost run", {"stage": STAGE})
    with reopened_run(config.tracking, read_run_id(MODELS), request) as recorder:
        expect_unchanged(ONNX_FILE)
        classifier = Classifier.load(ONNX_FILE)
        test = load_split(split_file("test"))
        raw = _answers(classifier, test.images)
        evaluation = _compare(classifier, raw, test.labels, len(info.class_names))
        robustness = measure(classifier, test, evaluation.probabilities, CORRUPTED)
        metrics = describe(evaluation, test, info) | robustness.summary()
        price = cost(ONNX_FILE, test.images)
        # Without the time, which would change this output of the stage with every run.
        written = metrics | {"model_bytes": price["model_bytes"]}
        with replace_together(last=report_dir(STAGE) / RUN_ID_NAME):
            write_json(summary_file(STAGE), {name: written[name] for name in KEY_METRICS})
            files = report(written, evaluation, robustness, test, info)
        figures = comparable(metrics) | price | robustness.by_kind()
        recorder.record(evaluation_metrics(figures, info.name, digest([test]), len(test)))
        recorder.record(*File.each(files, STAGE))
    log.info("test accuracy %.2f %%", 100 * metrics["test_accuracy"])


def report(
    metrics: Tree,
    evaluation: Evaluation,
    robustness: Robustness,
    test: Split,
    info: DatasetInfo,
) -> list[Path]:
    """Write the metrics, the answers and the plots; return the files."""
    folder = report_dir(STAGE)
    files = [folder / name for name in (METRICS_NAME, ROBUSTNESS_NAME, "predictions.csv")]
    write_json(files[0], metrics)
    write_json(files[1], asdict(robustness))
    write_text(folder / RUN_ID_NAME, f"{read_run_id(MODELS) or 'unknown'}\n")
    _write_predictions(files[2], evaluation, test, info.class_names)
    files += plot(evaluation, test, info, folder)
    files.append(plot_robustness(robustness, metrics["test_accuracy"], test, info.note, folder))
    return files + plot_trainings(info.note, folder)


def _answers(classifier: Classifier, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the uncalibrated probabilities; show the progress after every batch."""
    answers = []
    with progress(len(images), "picture", after=SHOW_AFTER) as shown:
        for start in range(0, len(images), BATCH_SIZE):
            answers.append(classifier.raw_probabilities(images[start : start + BATCH_SIZE]))
            shown.step(by=len(answers[-1]))
    return np.concatenate(answers)


def evaluate(classifier: Classifier, test: Split, classes: int) -> Evaluation:
    """Compare the network's answers to the test set with the labels, without showing progress."""
    return _compare(classifier, classifier.raw_probabilities(test.images), test.labels, classes)


def _compare(
    classifier: Classifier,
    raw: NDArray[np.float32],
    labels: NDArray[np.uint8],
    classes: int,
) -> Evaluation:
    calibrated = classifier.calibrate(raw)
    return Evaluation(
        probabilities=calibrated,
        confusion=confusion_matrix(labels, calibrated.argmax(axis=1), classes),
        before=reliability(labels, raw),
        after=reliability(labels, calibrated),
        temperature=classifier.temperature,
    )


def describe(evaluation: Evaluation, test: Split, info: DatasetInfo) -> Tree:
    """Return the stage's metrics: calibration errors as shares, the loss in nats.

    The loss is that of the calibrated probabilities, so it may be lower than train's `val_loss`,
    which is that of the uncalibrated ones.
    """
    precision, recall = precision_and_recall(evaluation.confusion)
    return {
        "test_accuracy": accuracy(test.labels, evaluation.probabilities),
        "test_loss": cross_entropy(test.labels, evaluation.probabilities),
        "test_mistakes": len(test) - int(np.trace(evaluation.confusion)),
        "test_pictures": len(test),
        "test_calibration_error": evaluation.after.expected_calibration_error,
        "test_calibration_error_uncalibrated": evaluation.before.expected_calibration_error,
        "stand_in": info.note is not None,
        "test_precision": dict(zip(info.class_names, precision.tolist(), strict=True)),
        "test_recall": dict(zip(info.class_names, recall.tolist(), strict=True)),
    }


def plot(evaluation: Evaluation, test: Split, info: DatasetInfo, folder: Path) -> list[Path]:
    """Draw the confusion matrix, precision and recall, calibration and the worst mistakes."""
    from pipeline.plots.evaluate import calibration, confusion, mistakes, per_class
    from pipeline.plots.style.page import save_figure

    names, note = info.class_names, info.note
    predicted = evaluation.probabilities.argmax(axis=1)
    confidence = evaluation.probabilities.max(axis=1)
    figures = {
        "confusion_matrix.png": confusion.confusion_matrix(evaluation.confusion, names, note),
        LOW_MATRIX_NAME: confusion.low_confusion_matrix(evaluation.confusion, names),
        "per_class.png": per_class.class_scores(
            *precision_and_recall(evaluation.confusion), names, note
        ),
        "calibration.png": calibration.reliability_diagram(
            _bins(evaluation.before),
            _bins(evaluation.after),
            ece_before=evaluation.before.expected_calibration_error,
            ece_after=evaluation.after.expected_calibration_error,
            temperature=evaluation.temperature,
            note=note,
        ),
        "worst_mistakes.png": mistakes.worst_mistakes(
            test.images, test.labels, predicted, confidence, names, note
        ),
    }
    for name, figure in figures.items():
        save_figure(figure, folder / name)
    return [folder / name for name in figures]


def plot_robustness(
    robustness: Robustness, accuracy: float, test: Split, note: str | None, folder: Path
) -> Path:
    """Draw the accuracy on corrupted pictures, with the first picture as an example."""
    from pipeline.plots.evaluate.corruptions import Corrupted, corruption_bars
    from pipeline.plots.style.page import save_figure

    example = test.images[:1]
    kinds = [
        Corrupted(kind, corrupt(example, kind, SEED)[0], share)
        for kind, share in robustness.corrupted.items()
    ]
    path = folder / "corruptions.png"
    clean = Corrupted("as they are", example[0], accuracy)
    pictures, error = robustness.corrupted_pictures, robustness.standard_error
    save_figure(corruption_bars(kinds, pictures, error, clean, note), path)
    return path


def plot_trainings(note: str | None, folder: Path) -> list[Path]:
    """Draw the learning curves, and lines read by the network for lines, if one was trained."""
    from pipeline.plots.evaluate.learning_curves import learning_curves
    from pipeline.plots.style.page import save_figure

    history, title = read_history(TRAINED)
    chosen = json.loads((TRAINED / METRICS_NAME).read_text(encoding="utf-8"))["chosen_epoch"]
    drawn = [folder / "learning_curves.png"]
    save_figure(learning_curves(history, chosen, title, note), drawn[0])
    if examples := load_line_examples(LINES_TRAINED):
        drawn.append(folder / "lines.png")
        _plot_lines(examples, note, drawn[-1])
    return drawn


def _plot_lines(examples: LineExamples, note: str | None, path: Path) -> None:
    from pipeline.plots.evaluate.lines import LineItem, line_grid
    from pipeline.plots.style.page import save_figure

    items = []
    for number, image in enumerate(examples.images):
        found = examples.found[examples.found[:, 0] == number]
        read = [(float(middle), str(int(digit))) for _, middle, digit in found]
        items.append(LineItem(image, read, examples.digits[number]))
    save_figure(line_grid(items, examples.title, note), path)


def _bins(bins: Reliability) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    return bins.confidence, bins.accuracy, bins.count


def _write_predictions(
    path: Path, evaluation: Evaluation, test: Split, class_names: list[str]
) -> None:
    """Write the true and the predicted class of every test picture, for DVC's confusion plot."""
    predicted = evaluation.probabilities.argmax(axis=1)
    rows = (
        (class_names[true], class_names[answer])
        for true, answer in zip(test.labels, predicted, strict=True)
    )
    write_csv(path, ("actual", "predicted"), rows)


def comparable(metrics: Tree) -> dict[str, float]:
    """Return the metrics for comparing runs; those per class are in the files and the plots."""
    return {key: float(value) for key, value in metrics.items() if not isinstance(value, dict)}


def main() -> None:
    """Run the stage from the command line."""
    run_stage(run, __doc__)


if __name__ == "__main__":
    main()
