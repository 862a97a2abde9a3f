"""Measure how many whole numbers, composed of MNIST's test digits, are read right.

`python -m benchmarks.whole_numbers [--model models/lines/lines.onnx] [--count 200]` prints a row a
kind; the network comes from `digits train-lines lines.rounds=120`.
Every number is written with other digits, sizes, gaps and slants, dark on light or light on dark,
under uneven light. A number counts as right when all of its digits are read, in order, and nothing
else is. The same seed composes the same numbers.
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.real_numbers import Answer, answered, told
from benchmarks.table import Row, print_rows
from pipeline.config.places import LINES_FILE
from pipeline.digits.datasets.mnist import mnist
from pipeline.digits.recognition.lines.reader import LineReader
from pipeline.digits.splits import Split

Ink = NDArray[np.float32]

COMMAND = "python -m benchmarks.whole_numbers"


@dataclass(frozen=True)
class Number:
    """A picture, uint8 (h, w), and what each of its lines says."""

    picture: NDArray[np.uint8]
    lines: list[str]


class Writer:
    """Writes numbers with the digits of a split."""

    def __init__(self, split: Split, rng: np.random.Generator) -> None:
        self.split = split
        self.rng = rng

    def row(self, length: int, height: int, *, touching: float, marks: str = "") -> tuple[Ink, str]:
        """Write one line; returns ink (h, w) in 0..1 and the digits.

        Args:
            length: Number of digits.
            height: Of the digits, in pixels.
            touching: Share of the neighbours that touch.
            marks: A separator for every place between two digits, or a space; may be empty.
        """
        chosen = self.rng.integers(len(self.split), size=length)
        slant = self.rng.uniform(-0.15, 0.15)
        row = np.zeros((2 * height, 0), np.float32)
        for place, index in enumerate(chosen):
            digit = self._digit(self.split.images[index], height, slant)
            gap = self._gap(row, digit, height, touches=bool(self.rng.random() < touching))
            row = _beside(row, digit, gap if place else 0)
            if place < len(marks) and marks[place] != " ":
                row = _beside(row, self._mark(marks[place], height), round(0.12 * height))
                row = np.pad(row, ((0, 0), (0, round(0.05 * height))))
        return row, "".join(str(digit) for digit in self.split.labels[chosen])

    def _digit(self, image: NDArray[np.uint8], height: int, slant: float) -> Ink:
        scale = height / 20 * self.rng.uniform(0.9, 1.1)
        size = round(28 * scale)
        large = cv2.resize(
            image.astype(np.float32) / 255, (size, size), interpolation=cv2.INTER_CUBIC
        )
        shear = np.array([[1, -slant, slant * size / 2], [0, 1, 0]], np.float32)
        large = cv2.warpAffine(large, shear, (size, size)).clip(0, 1)
        columns = np.flatnonzero((large > 0.2).any(axis=0))
        large = large[:, columns[0] : columns[-1] + 1]
        tall = np.zeros((2 * height, large.shape[1]), np.float32)
        top = round((2 * height - size) / 2 + self.rng.uniform(-0.06, 0.06) * height)
        tall[top : top + size] = large
        return tall

    def _gap(self, row: Ink, digit: Ink, height: int, *, touches: bool) -> int:
        if not row.shape[1]:
            return 0
        if not touches:
            return round(self.rng.uniform(0.12, 0.5) * height)
        free = [_free_columns(left, right) for left, right in zip(row, digit, strict=True)]
        overlap = min(free) + round(0.04 * height)  # ink into ink by less than a stroke's width
        return -min(overlap, round(0.5 * height), digit.shape[1], row.shape[1])

    def _mark(self, mark: str, height: int) -> Ink:
        ink = np.zeros((2 * height, round((0.6 if mark in "-/" else 0.2) * height)), np.float32)
        low, high, right = 1.65 * height, 0.3 * height, ink.shape[1] - 0.1 * height
        left, middle = 0.1 * height, height
        ends = {
            "/": ((left, low), (right, high)),
            "-": ((left, middle), (right, middle)),
            ".": ((left, 1.45 * height), (left, 1.45 * height)),
        }[mark]
        start, end = (tuple(round(value) for value in point) for point in ends)
        cv2.line(ink, start, end, 1.0, max(2, round(0.1 * height)), cv2.LINE_AA)
        return ink

    def on_paper(self, rows: list[Ink], leading: float) -> NDArray[np.uint8]:
        """Put rows below each other on unevenly lit paper; uint8 (h, w)."""
        height = rows[0].shape[0] // 2
        width = max(row.shape[1] for row in rows) + 2 * height
        page = np.zeros((round(height * (1 + leading) * len(rows)) + 2 * height, width), np.float32)
        for number, row in enumerate(rows):
            top = round(number * height * (1 + leading)) + height // 2
            left = height + round(self.rng.uniform(-0.4, 0.4) * height)
            page[top : top + 2 * height, left : left + row.shape[1]] += row
        light = np.linspace(*self.rng.uniform(170, 250, 2), width)[None]
        ink = self.rng.uniform(0.6, 0.9)
        paper = light * (1 - ink * page.clip(0, 1)) + self.rng.normal(0, 3, page.shape)
        gray = paper.clip(0, 255).astype(np.uint8)
        return 255 - gray if self.rng.random() < 0.25 else gray


def _free_columns(left: NDArray[np.float32], right: NDArray[np.float32]) -> int:
    """Count the columns by which one row of a digit may move left until it meets ink."""
    before, after = np.flatnonzero(left > 0.5), np.flatnonzero(right > 0.5)
    if not len(before) or not len(after):
        return len(left) + len(right)
    return int(len(left) - 1 - before[-1] + after[0])


def _beside(row: Ink, digit: Ink, gap: int) -> Ink:
    start = row.shape[1] + gap
    page = np.zeros((row.shape[0], max(start + digit.shape[1], row.shape[1])), np.float32)
    page[:, : row.shape[1]] = row
    page[:, start : start + digit.shape[1]] = np.maximum(
        page[:, start : start + digit.shape[1]], digit
    )
    return page


def _row(writer: Writer, touching: float) -> Number:
    height, length = int(writer.rng.integers(24, 70)), int(writer.rng.integers(3, 8))
    row, text = writer.row(length, height, touching=touching)
    return Number(writer.on_paper([row], 0.0), [text])


def _lines(writer: Writer) -> Number:
    height, count = int(writer.rng.integers(24, 50)), int(writer.rng.integers(2, 5))
    rows = [writer.row(int(writer.rng.integers(1, 6)), height, touching=0.0) for _ in range(count)]
    leading = writer.rng.uniform(0.3, 0.8)
    return Number(writer.on_paper([ink for ink, _ in rows], leading), [text for _, text in rows])


def _date(writer: Writer) -> Number:
    height, mark = int(writer.rng.integers(24, 60)), str(writer.rng.choice(list("./-")))
    row, text = writer.row(8, height, touching=0.0, marks=f" {mark} {mark}")
    return Number(writer.on_paper([row], 0.0), [text])


KINDS: dict[str, Callable[[Writer], Number]] = {
    "3 to 7 digits": lambda writer: _row(writer, 0.0),
    "2 to 4 lines": _lines,
    "a date (8 digits)": _date,
    "every 4th pair touches": lambda writer: _row(writer, 0.25),
    "all digits touch": lambda writer: _row(writer, 1.0),
}


def measure(
    kind: str, count: int, split: Split, reader: LineReader, seed: int, failures: Path | None
) -> list[Answer]:
    """Compose numbers of a kind, and read them."""
    writer = Writer(split, np.random.default_rng([seed, list(KINDS).index(kind)]))
    answers = []
    for place in range(count):
        number = KINDS[kind](writer)
        label = " ".join(number.lines)
        answers.append(answered(f"{kind} {place}", label, number.picture, reader))
        if failures and not answers[-1].right:
            read = answers[-1].text.replace(" ", "_")
            name = f"{kind} {place} is {label.replace(' ', '_')} read {read}.png"
            cv2.imwrite(str(failures / name), number.picture)
    return answers


def main() -> None:
    """Print a row a kind of number."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=LINES_FILE)
    parser.add_argument("--mnist", default=os.environ.get("MNIST_DIR"), help="default: $MNIST_DIR")
    parser.add_argument("--count", type=int, default=200, help="numbers of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--failures", type=Path, help="write pictures read wrongly to this folder")
    options = parser.parse_args()
    if not options.model.is_file():
        print("no network for lines here (pipeline.stages.train_lines): its rows are left out")
        return
    if options.failures:
        options.failures.mkdir(parents=True, exist_ok=True)
    split = mnist(path=options.mnist, on_unavailable="error").test
    reader = LineReader.load(options.model)
    for kind in KINDS:
        answers = measure(kind, options.count, split, reader, options.seed, options.failures)
        print_rows([Row(f"composed numbers, {kind}", told(answers), COMMAND)])


if __name__ == "__main__":
    main()
