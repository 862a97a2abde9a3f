"""What trainings leave in reports/ for evaluate to draw, so that a new plot retrains nothing."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.splits import load_arrays
from pipeline.system.errors import InputError
from pipeline.system.files import replace_when_written, write_csv, write_text

HISTORY_NAME = "history.csv"
TITLE_NAME = "title.txt"
EXAMPLES_NAME = "examples.npz"
TIMES = ("seconds", "ended")


def write_history(folder: Path, history: Sequence[Mapping[str, float]], title: str) -> Path:
    """Write what was trained, and a table with one row per epoch; return the table's path.

    Times are left out: they differ from run to run.
    """
    columns = [column for column in history[0] if column not in TIMES]
    rows = ([record[column] for column in columns] for record in history)
    write_text(folder / TITLE_NAME, title + "\n")
    write_csv(folder / HISTORY_NAME, columns, rows)
    return folder / HISTORY_NAME


def read_history(folder: Path) -> tuple[list[dict[str, float]], str]:
    """Return the records of the epochs and what was trained, as `write_history` wrote them.

    Raises:
        InputError: They are missing or damaged.
    """
    try:
        title = (folder / TITLE_NAME).read_text(encoding="utf-8").strip()
        with (folder / HISTORY_NAME).open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            return [{name: float(value) for name, value in row.items()} for row in rows], title
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{folder}: no history of a training; run `dvc repro train`") from error


@dataclass(frozen=True)
class LineExamples:
    """Some lines of digits, and the network's readings of them.

    Attributes:
        title: What was trained.
        images: uint8 (n, height, width), dark on light.
        digits: What each line says, such as "3141".
        found: float64 (k, 3): of each digit found, its line, its middle in columns of the image,
            and which digit it is.
    """

    title: str
    images: NDArray[np.uint8]
    digits: Sequence[str]
    found: NDArray[np.float64]

    def save(self, folder: Path) -> Path:
        """Write the examples; return their file."""
        path = folder / EXAMPLES_NAME
        with replace_when_written(path) as temporary, temporary.open("wb") as file:
            np.savez(
                file, title=self.title, images=self.images, digits=self.digits, found=self.found
            )
        return path


def load_line_examples(folder: Path) -> LineExamples | None:
    """Read the examples of the network for lines; None if no such network was trained.

    Raises:
        InputError: They are damaged.
    """
    path = folder / EXAMPLES_NAME
    if not path.is_file():
        return None
    arrays = load_arrays(path, "run `dvc repro -f train-lines`")
    found = np.asarray(arrays["found"], np.float64)
    return LineExamples(str(arrays["title"]), arrays["images"], arrays["digits"].tolist(), found)
