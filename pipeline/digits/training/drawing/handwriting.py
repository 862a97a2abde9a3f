"""Draw digits from strokes.

MNIST was written by Americans: few of its ones have a flag and a foot, few of its sevens a bar. A
network that is trained on some of each reads them elsewhere, too.
"""

from functools import cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.splits import BOX, DIGIT_NAMES, SIDE, Split
from pipeline.digits.training.drawing.strokes import FORMS, FORMS_ELSEWHERE

Floats = NDArray[np.float64]

# Digits are drawn this many times larger and then reduced, which gives them soft edges.
OVERSIZE = 8
STEPS = 24  # points of a curve from one knot to the next
UNSTEADY = 0.04  # by how much a hand misses a knot, as a share of the digit's height


def draw_digits(count: int, rng: np.random.Generator) -> Split:
    """Draw digits in MNIST's form: light on dark, fitted to a 20 x 20 box, centred by mass.

    Args:
        count: How many, >= 1. All digits are equally likely, and so are all forms of a digit.
        rng: The same state draws the same digits.

    Returns:
        Images uint8 (count, 28, 28) and labels uint8 (count,).
    """
    labels = rng.integers(0, len(DIGIT_NAMES), count).astype(np.uint8)
    return Split(np.stack([by_pen(digit_form(label, rng), rng) for label in labels]), labels)


def digit_form(digit: int, rng: np.random.Generator) -> list[Floats]:
    """Draw the strokes of one of a digit's forms, as `smooth_curve` does."""
    forms = (*FORMS[digit], *FORMS_ELSEWHERE[digit])
    return [smooth_curve(stroke, rng) for stroke in forms[rng.integers(len(forms))]]


def smooth_curve(stroke: str, rng: np.random.Generator | None = None) -> Floats:
    """Return a dense curve (n, 2), in heights of the digit, through points written as in `FORMS`.

    With `rng`, each point is first moved a little: nobody writes a form the same way twice.
    """
    points, corners = _points(stroke)
    if rng:
        points = points + rng.normal(0, UNSTEADY, points.shape)
    ends = [0, *corners, len(points) - 1]
    runs = [points[start : end + 1] for start, end in pairwise(ends)]
    return np.concatenate([spline(run) for run in runs])


@cache
def _points(stroke: str) -> tuple[Floats, list[int]]:
    """Return the points of a stroke, (n, 2), and which of them are corners."""
    points: list[list[float]] = []
    corners = []
    for mark in stroke.split():
        if mark == "/":
            corners.append(len(points) - 1)
        else:
            points.append([float(number) / 100 for number in mark.split(",")])
    return np.array(points), corners


def spline(knots: Floats) -> Floats:
    """Return Catmull & Rom's spline through `knots` (Computer Aided Geometric Design, 1974)."""
    ends = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    pieces = _basis() @ ends[_fours(len(knots) - 1)]
    return np.concatenate([pieces.reshape(-1, 2), knots[-1:]])


@cache
def _fours(count: int) -> NDArray[np.intp]:
    """Return the indices of the four knots around each of `count` gaps: (count, 4).

    NumPy's sliding windows take several times as long for so few.
    """
    return np.arange(count)[:, None] + np.arange(4)


@cache
def _basis() -> Floats:
    """Return the weights of four knots between the second and the third: (STEPS, 4)."""
    t = np.linspace(0, 1, STEPS, endpoint=False)
    weights = [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]
    return np.stack(weights, axis=1) / 2


def by_pen(strokes: list[Floats], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw strokes, bent as by a hand, with a pen of random width, in MNIST's form."""
    strokes = _by_hand(strokes, rng)
    width = rng.uniform(0.06, 0.25)
    points = np.vstack(strokes)
    first, last = points.min(axis=0), points.max(axis=0)
    low, size = first - width / 2, last - first + width
    scale = BOX * OVERSIZE / size.max()
    room = (SIDE * OVERSIZE - size * scale) / 2
    large = np.zeros((SIDE * OVERSIZE, SIDE * OVERSIZE), np.uint8)
    lines = [np.rint((stroke - low) * scale + room).astype(np.int32) for stroke in strokes]
    cv2.polylines(large, lines, isClosed=False, color=255, thickness=max(1, round(width * scale)))
    return centred(cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def _by_hand(strokes: list[Floats], rng: np.random.Generator) -> list[Floats]:
    """Bend strokes as a hand would: slant and stretch all of them alike, shift each one."""
    lean = np.array([[rng.uniform(0.55, 1.25), rng.normal(0, 0.2)], [rng.normal(0, 0.05), 1]])
    bent = []
    for stroke in strokes:
        wave = 0.03 * np.sin(rng.uniform(2, 6, 2) * stroke[:, ::-1] + rng.uniform(0, 7, 2))
        bent.append((stroke + wave + rng.normal(0, 0.015, 2)) @ lean.T)
    return bent


def centred(image: cv2.typing.MatLike) -> NDArray[np.uint8]:
    """Shift a picture in MNIST's form by whole pixels, so that its centre of mass is its middle."""
    moments = cv2.moments(image)
    room = (SIDE - BOX) // 2
    off = [SIDE / 2 - moments[axis] / moments["m00"] for axis in ("m01", "m10")]
    return np.roll(image, np.clip(np.rint(off), -room, room).astype(int), (0, 1)).astype(np.uint8)
