"""How well numbers are read that people wrote, and how far the answers can be relied on.

`python -m benchmarks.real_numbers FOLDER [--model models/lines/lines.onnx]` reads the pictures that
FOLDER/labels.csv names: columns `file` and `label`, the digits, lines separated by a blank; where
there is a column `mode`, only its rows that say "number". An answer counts as read exactly when it
has all of the digits in their order and no other.
"""

import argparse
import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.table import Row, print_rows
from pipeline.config.composing import compose
from pipeline.config.places import LINES_FILE
from pipeline.digits.preprocessing.decoding import read_picture
from pipeline.digits.preprocessing.labels import same_number
from pipeline.digits.recognition.lines.finding import find_lines
from pipeline.digits.recognition.lines.reader import LineReader
from pipeline.digits.recognition.page import read_page

COMMAND = "python -m benchmarks.real_numbers FOLDER"


@dataclass(frozen=True)
class Answer:
    """What was read in a picture, and what is there."""

    name: str
    label: str
    text: str
    confidence: float
    ok: bool

    @property
    def right(self) -> bool:
        """Whether it is read exactly."""
        return same_number(self.text, self.label)


def answered(name: str, label: str, picture: NDArray[np.uint8], reader: LineReader) -> Answer:
    """Read a picture and judge the answer as number mode does."""
    reading = read_page(find_lines(picture), reader)
    ok = reading.confidence >= sure_from() and not reading.doubts
    return Answer(name, label, reading.text, reading.confidence, ok)


@cache
def sure_from() -> float:
    """Return the confidence from which on conf/ has a number called ok."""
    return float(compose([])["predict"]["unsure_numbers_below"])


def told(answers: Sequence[Answer]) -> str:
    """Say in one line how well some pictures were read."""
    right, ok = (np.array([getattr(each, of) for each in answers]) for of in ("right", "ok"))
    wrong = (ok & ~right).sum() / max(ok.sum(), 1)
    return (
        f"{right.mean():.1%} of {len(right)} read exactly, {ok.mean():.1%} called ok, "
        f"{wrong:.1%} of these wrong"
    )


def labelled(folder: Path) -> list[tuple[str, str]]:
    """Return file and label of every picture of a number that a folder's labels.csv names."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [(row["file"], row["label"]) for row in rows if row.get("mode", "number") == "number"]


def main() -> None:
    """Print a row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, default=LINES_FILE)
    parser.add_argument("--misread", action="store_true", help="list what is read wrongly")
    options = parser.parse_args()
    reader = LineReader.load(options.model)
    known = labelled(options.folder)
    pictures = [read_picture(options.folder / file).pixels for file, _ in known]
    start = time.process_time()
    answers = [
        answered(*each, picture, reader) for each, picture in zip(known, pictures, strict=True)
    ]
    each = 1000 * (time.process_time() - start) / len(answers)
    text = f"{told(answers)}; {each:.1f} processor ms a picture"
    print_rows([Row(f"numbers of {options.folder.name}", text, COMMAND)])
    if options.misread:
        for each in sorted(answers, key=lambda each: -each.confidence):
            if not each.right:
                sure = "ok" if each.ok else "unsure"
                read = f"{each.label} read as {each.text} ({each.confidence:.3f} {sure})"
                print(f"{each.name}: {read}")


if __name__ == "__main__":
    main()
