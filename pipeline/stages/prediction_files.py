"""Write the files of predict-custom, and count the predictions."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.config.trees import Tree
from pipeline.digits.preprocessing.labels import same_number
from pipeline.digits.recognition.digit import Prediction
from pipeline.digits.recognition.number import NumberPrediction
from pipeline.digits.recognition.page import DigitBox
from pipeline.system.files import path_for_table, replace_when_written
from pipeline.system.progress import track

PREDICTIONS_NAME = "predictions.csv"
NUMBERS_NAME = "numbers.csv"
COLUMNS = ("file", "digit", "confidence", "second", "second_confidence", "status", "detail")
NUMBER_COLUMNS = (
    *("file", "line", "position", "digit", "confidence", "second", "second_confidence"),
    *("left", "top", "width", "height", "status", "detail"),
)


Answer = Prediction | NumberPrediction


@dataclass
class Tally:
    """Counts of all predictions, and the first few predictions for the grid."""

    by_status: Counter[str] = field(default_factory=Counter)
    labelled: int = 0
    right: int = 0
    shown: list[Answer] = field(default_factory=list)

    def add(self, prediction: Answer, label: str | None, grid_limit: int) -> None:
        """Count one prediction; a labelled picture that could not be read counts as wrong."""
        self.by_status[prediction.status] += 1
        if label is not None:
            self.labelled += 1
            self.right += same_number(prediction.digit, label)
        if len(self.shown) < grid_limit:
            self.shown.append(prediction)

    def metrics(self) -> Tree:
        """Return the stage's metrics; the accuracy only where labels are known."""
        counts = {
            f"custom_{status}": self.by_status[status] for status in ("ok", "unsure", "error")
        }
        metrics: Tree = {"custom_pictures": self.by_status.total(), **counts}
        if self.labelled:
            metrics["custom_accuracy"] = self.right / self.labelled
        return metrics


def write_predictions(
    folder: Path,
    predictions: Iterable[Answer],
    labels: Mapping[str, str],
    total: int,
    grid_limit: int,
) -> Tally:
    """Write each prediction as it arrives; what an interrupted run has read is kept in *.part.csv.

    predictions.csv has one row per picture, numbers.csv one row per digit of a number. numbers.csv
    is always written, since DVC expects every output of a stage.
    """
    tally = Tally()
    with (
        _csv_writer(folder / PREDICTIONS_NAME, COLUMNS) as write_picture,
        _csv_writer(folder / NUMBERS_NAME, NUMBER_COLUMNS) as write_digit,
    ):
        for prediction in track(predictions, total, "picture"):
            write_picture(_picture_row(prediction))
            for row in _digit_rows(prediction):
                write_digit(row)
            tally.add(prediction, labels.get(prediction.file), grid_limit)
    return tally


@contextmanager
def _csv_writer(
    path: Path, columns: Sequence[str]
) -> Iterator[Callable[[Iterable[object]], object]]:
    part = path.with_suffix(f".part{path.suffix}")
    with (
        replace_when_written(path, part) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        yield writer.writerow


def _reading(answer: Answer | DigitBox) -> Sequence[object]:
    return (
        "" if answer.digit is None else answer.digit,
        f"{answer.confidence:.4f}",
        "" if answer.second is None else answer.second,
        f"{answer.second_confidence:.4f}",
    )


def _picture_row(prediction: Answer) -> Sequence[object]:
    file = path_for_table(prediction.file)
    return file, *_reading(prediction), prediction.status, prediction.detail


def _digit_rows(prediction: Answer) -> Iterator[Sequence[object]]:
    """Return the rows of numbers.csv: one for each digit, or one that says why there is none."""
    if isinstance(prediction, Prediction):
        return
    file = path_for_table(prediction.file)
    if not prediction.digits:
        empty = [""] * (len(NUMBER_COLUMNS) - 3)
        yield file, *empty, prediction.status, prediction.detail
    in_line: Counter[int] = Counter()
    for box, doubt in zip(prediction.digits, prediction.doubts, strict=True):
        place = box.left, box.top, box.width, box.height
        state = "unsure" if doubt else "ok", doubt
        yield file, box.line, in_line[box.line], *_reading(box), *place, *state
        in_line[box.line] += 1
