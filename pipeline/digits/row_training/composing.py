"""Rows of touching digits, composed of single ones for a network to learn from."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, cycle

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.recognition.rows import HEIGHT, NONE, STRIDE
from pipeline.digits.splits import Split

Pixels = NDArray[np.uint8]
Columns = NDArray[np.int64]

WIDTH = 112  # of a row, in pixels: some eight digits
UNJUDGED = 255  # the label beside a middle, where every answer will do; training ignores it

# How rows are written: what the digits of one have in common, and how they stand beside each other.
INK = 127
FAR = 10_000  # where a line of pixels has no ink to begin or end
EDGE = 8  # columns before the first digit, at most
SIZES = (0.75, 1.1)  # times MNIST's: a reader knows how high a row is, not its digits
SLANT = 0.2  # either way, in pixels across per pixel down
RISE = 2  # how far a digit stands above or below the middle, at most
TOUCHING = 0.6  # share of the neighbours that touch
OVERLAP = 3  # columns that they reach into each other, at most
APART = 12  # columns between others, below
NARROWEST = 2 * STRIDE  # columns from one digit's middle to the next one's, at least


def compose_rows(digits: Split, count: int, rng: np.random.Generator) -> Split:
    """Write digits beside each other in the order given, most of them touching.

    Args:
        digits: Images uint8 (n, 28, 28), light on dark, and labels; begun anew where they end.
        count: How many rows.
        rng: The same state writes the same rows.

    Returns:
        Images uint8 (count, HEIGHT, WIDTH), and labels uint8 (count, WIDTH / STRIDE): which digit
        has its middle there, NONE, or UNJUDGED.
    """
    coming = (_glyph(*each, rng) for each in cycle(zip(digits.images, digits.labels, strict=True)))
    images, labels = [], []
    left_over: tuple[_Glyph, ...] = ()
    for _ in range(count):
        image, places, left_over = _write(chain(left_over, coming), rng)
        images.append(image)
        labels.append(places)
    return Split(np.stack(images), np.stack(labels))


def digits_of(labels: Pixels) -> list[int]:
    """Return the digits that the labels of a row tell of, from left to right."""
    return [int(label) for label in labels if label < NONE]


def label_near(labels: Pixels, place: int) -> int:
    """Return the digit whose middle is at or beside a place of a row, or NONE."""
    near = (place, max(place - 1, 0), min(place + 1, len(labels) - 1))
    return next((int(labels[each]) for each in near if labels[each] < NONE), NONE)


@dataclass(frozen=True)
class _Glyph:
    """A digit as high as a row, and where its ink begins and ends in each line of pixels."""

    ink: Pixels
    first: Columns
    last: Columns
    label: int

    @property
    def width(self) -> int:
        return len(self.ink[0])


def _glyph(image: Pixels, label: int, rng: np.random.Generator) -> _Glyph:
    columns = np.flatnonzero((image > INK).any(axis=0))
    left, right = (columns[0], columns[-1] + 1) if len(columns) else (0, 1)
    top = (HEIGHT - len(image)) // 2 + int(rng.integers(-RISE, RISE, endpoint=True))
    ink = np.zeros((HEIGHT, right - left), np.uint8)
    ink[top : top + len(image)] = image[:, left:right]
    strong = ink > INK
    empty = ~strong.any(axis=1)
    first, last = strong.argmax(axis=1), ink.shape[1] - 1 - strong[:, ::-1].argmax(axis=1)
    return _Glyph(ink, np.where(empty, FAR, first), np.where(empty, -FAR, last), int(label))


def _write(
    coming: Iterator[_Glyph], rng: np.random.Generator
) -> tuple[Pixels, Pixels, tuple[_Glyph, ...]]:
    """Fill a row; return it with its labels, and the digit that had no room any more."""
    size = rng.uniform(*SIZES)
    row = np.zeros((HEIGHT, round(WIDTH / size)), np.uint8)
    left, ends = int(rng.integers(2, EDGE)), np.full(HEIGHT, -FAR)
    middles: list[float] = []
    labels: list[int] = []
    left_over: tuple[_Glyph, ...] = ()
    for glyph in coming:
        if middles:
            beside = int((ends - glyph.first).max()) + 1
            nearest = math.ceil((middles[-1] + NARROWEST) / size - glyph.width / 2)
            left = max(nearest, beside + _gap(rng))
        if left + glyph.width > row.shape[1]:
            left_over = (glyph,)
            break
        window = row[:, left : left + glyph.width]
        np.maximum(window, glyph.ink, out=window)
        ends = np.maximum(ends, left + glyph.last)
        middles.append((left + glyph.width / 2) * size)
        labels.append(glyph.label)
    slanted = _slanted(row, size, rng.uniform(-SLANT, SLANT))
    return slanted, _places(middles, labels), left_over


def _gap(rng: np.random.Generator) -> int:
    touching = rng.random() < TOUCHING
    return int(-rng.integers(0, OVERLAP, endpoint=True) if touching else rng.integers(1, APART))


def _slanted(row: Pixels, size: float, slant: float) -> Pixels:
    middle = HEIGHT / 2
    way = np.array([[size, -slant, slant * middle], [0, size, middle - size * middle]])
    return cv2.warpAffine(row, way, (WIDTH, HEIGHT)).astype(np.uint8, copy=False)


def _places(middles: list[float], digits: list[int]) -> Pixels:
    """Say of every STRIDE columns which digit's middle they are."""
    labels = np.full(WIDTH // STRIDE, NONE, np.uint8)
    places = (np.array(middles) / STRIDE).astype(int).clip(1, len(labels) - 2)
    labels[places - 1] = labels[places + 1] = UNJUDGED
    labels[places[:-1][np.diff(places) == 2] + 1] = NONE  # or two ones would become one
    labels[places] = digits
    return labels
