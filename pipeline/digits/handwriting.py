"""Digits, and what is none, drawn from strokes of our own.

MNIST was written by Americans: few ones with a flag and a foot, few sevens with a bar. A network
that has met some of each reads them elsewhere, too. And a network that has only ever met digits
takes every letter for one.
"""

from functools import cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.datasets import DIGIT_NAMES, Split

Floats = NDArray[np.float64]

SIDE, BOX = 28, 20
# Digits are drawn this many times as large and then reduced, which gives them soft edges.
OVERSIZE = 8
STEPS = 24  # points of a curve from one knot to the next
UNSTEADY = 0.04  # how far a hand misses a knot, as a share of the digit's height

# By digit its forms, of each the pen strokes: points "x,y" in hundredths of the digit's height, x
# to the right, y downwards, that a smooth curve runs through; a slash makes the point before it a
# corner.
FORMS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (
        ("30,0 10,12 0,45 8,88 30,100 52,88 60,48 50,12 30,0",),
        ("44,8 22,2 4,26 2,66 18,98 42,94 58,66 56,28 38,2 20,6",),
    ),
    (
        ("30,0 30,50 30,100",),
        ("6,30 19,18 30,0 / 30,50 30,100",),
        ("0,44 18,26 34,0 / 34,50 34,100",),
        ("0,60 22,32 42,0 / 42,50 42,100",),
        ("14,56 26,32 40,0 / 40,50 40,100",),
        ("0,28 20,20 38,0 / 38,50 38,100",),
        ("8,26 20,15 30,0 / 30,50 30,100", "2,100 30,99 58,100"),
        ("4,32 17,19 32,0 / 32,50 32,98", "10,99 32,98 54,99"),
        ("30,0 30,50 30,100", "8,100 30,100 52,100"),
        ("30,0 30,50 30,100", "2,36 16,29 30,13"),
        ("10,34 22,20 34,2 / 34,50 34,100",),
        ("2,22 18,18 32,4 / 32,50 32,100",),
        ("10,44 22,26 30,0 / 28,50 30,100",),
    ),
    (
        ("4,22 14,4 38,0 56,16 50,42 28,70 0,100 / 30,100 60,100",),
        ("2,6 30,2 58,6 / 30,52 0,100 / 30,98 60,100",),
        ("5,20 25,0 50,10 48,38 25,75 8,96 0,88 12,80 35,92 62,98",),
        ("8,30 4,15 20,0 45,4 52,28 35,60 2,100 / 30,95 60,92",),
        ("4,20 16,2 34,10 32,36 22,70 10,96 / 36,98 64,94",),
        ("8,16 22,2 38,12 34,40 14,72 4,88 12,98 36,94 60,88",),
    ),
    (
        ("6,14 26,0 50,8 52,30 38,44 22,47 / 46,52 58,72 46,94 22,100 2,88",),
        ("4,2 30,2 56,2 / 40,22 26,42 / 48,46 58,70 44,95 18,100 0,88",),
        ("4,12 25,0 50,14 40,38 18,48 / 48,58 54,84 28,100 2,90",),
        ("14,14 26,2 44,4 42,22 26,36 / 46,42 54,68 38,96 12,100 0,82",),
    ),
    (
        ("12,0 8,30 2,58 / 30,59 66,56", "50,20 47,60 44,100"),
        ("42,0 20,33 0,68 / 32,68 64,68", "42,0 42,50 42,100"),
        ("40,0 20,32 0,65 / 35,65 65,65", "45,36 44,70 43,100"),
        ("5,0 5,30 5,55 / 30,55 60,55", "50,0 50,50 50,100"),
        ("34,0 16,38 0,70 / 34,73 68,68", "48,44 44,72 40,100"),
        ("28,0 12,36 4,62 16,76 40,72 62,66", "46,48 42,74 40,100"),
        ("32,0 12,36 4,66 14,80 36,78 60,66", "62,34 52,66 44,100"),
        ("36,0 14,40 2,72 / 20,82 44,78 62,60", "64,36 54,66 42,100"),
    ),
    (
        ("8,0 8,20 6,42 / 30,34 52,44 58,70 40,96 2,94", "8,0 32,0 56,0"),
        ("56,0 30,0 10,2 / 8,20 6,42 / 32,36 54,52 54,82 30,100 2,92",),
        ("56,2 30,0 10,8 8,35 30,42 54,58 48,90 22,100 0,92",),
        ("44,2 8,2 / 6,30 8,40 / 26,40 40,56 36,84 16,100",),
        ("50,0 20,4 / 10,36 / 32,46 40,66 26,100",),
    ),
    (
        ("46,0 24,22 6,54 4,80 22,99 46,94 55,74 44,57 24,58 7,76",),
        ("55,12 40,2 18,18 5,50 6,82 26,100 50,90 53,68 36,55 13,65",),
        ("48,0 20,20 4,55 8,90 32,100 54,84 48,56 26,50 6,66",),
        ("60,16 54,2 40,4 20,36 6,74 14,98 34,96 42,78 30,66 8,82",),
    ),
    (
        ("2,2 30,2 60,0 / 42,40 30,70 22,100",),
        ("2,2 30,2 60,0 / 42,40 30,70 22,100", "14,50 34,49 56,48"),
        ("0,16 1,8 2,0 / 30,0 60,0 / 44,45 26,100",),
        ("0,16 1,8 2,0 / 30,0 60,0 / 44,45 26,100", "16,50 34,48 52,46"),
        ("0,5 30,0 58,5 46,34 34,64 30,100",),
        ("8,8 30,0 50,8 48,40 36,70 28,100", "2,56 26,52 58,46"),
    ),
    (
        ("50,12 30,0 12,12 18,34 42,54 55,76 38,99 12,94 6,74 22,54 44,34 52,14 42,3",),
        ("30,0 11,10 11,34 30,45 49,34 50,11 30,0", "30,45 6,56 3,84 28,100 54,86 54,58 30,45"),
    ),
    (
        ("52,14 32,0 8,12 5,36 24,50 44,38 54,8 / 51,50 46,100",),
        ("53,16 36,1 11,10 5,33 22,48 43,39 54,14 57,48 49,84 27,100 6,91",),
        ("55,15 35,0 8,12 8,40 30,50 52,36 55,10 / 55,60 50,90 25,100 4,90",),
        ("50,25 30,0 6,14 10,42 32,48 50,25 / 40,62 25,100",),
        ("50,10 30,0 12,10 10,28 26,37 42,26 50,8 / 56,54 54,98 / 28,100 2,98",),
        ("50,12 28,0 8,12 8,34 28,44 46,34 / 50,10 56,60 44,90 0,100",),
        ("52,8 36,0 20,8 18,28 32,36 48,26 52,8 / 56,50 50,86 26,100 6,88 0,66",),
    ),
)

# In the same notation letters, signs and shapes that nobody writes a digit like.
OTHER_FORMS: tuple[tuple[str, ...], ...] = (
    ("0,100 30,0 / 60,100", "12,64 48,64"),  # A
    ("0,100 18,40 34,0 44,40 58,100", "8,70 50,64"),
    ("56,18 36,0 6,28 4,70 32,100 58,84",),  # C
    ("54,0 4,0 / 4,100 / 56,100", "4,48 44,48"),  # E
    ("54,6 30,0 8,22 30,46 / 4,72 26,100 56,88",),
    ("56,0 4,0 / 4,100", "4,46 42,46"),  # F
    ("4,0 4,100", "56,0 56,100", "4,50 56,50"),  # H
    ("18,0 60,0", "42,0 42,74 24,100 2,82"),  # J
    ("6,0 6,100", "54,0 6,56", "20,44 58,100"),  # K
    ("6,0 6,100 / 56,100",),  # L
    ("0,100 10,0 / 36,68 / 62,0 / 72,100",),  # M
    ("2,100 4,0 / 54,100 / 58,0",),  # N
    ("6,100 6,0 / 36,2 54,24 36,48 6,52",),  # P
    ("6,100 6,0 / 36,2 52,24 36,46 6,50 / 56,100",),  # R
    ("0,0 60,0", "30,0 30,100"),  # T
    ("4,0 4,66 28,100 54,68 56,0 / 58,100",),  # U
    ("0,0 30,100 / 60,0",),  # V
    ("0,0 18,100 / 36,30 / 54,100 / 72,0",),  # W
    ("4,0 56,100", "56,0 4,100"),  # X
    ("2,0 30,46 / 58,0", "30,46 30,100"),  # Y
    ("52,30 30,16 6,46 12,88 34,96 52,72 / 52,24 54,80 66,98",),  # a
    ("52,0 53,50 54,100", "53,56 28,40 4,68 26,98 53,80"),  # d
    ("6,54 52,52 46,18 24,8 4,44 10,88 34,100 58,84",),  # e
    ("52,8 36,0 24,22 24,100", "4,44 48,42"),  # f
    ("6,0 6,100", "6,62 30,42 50,58 52,100"),  # h
    ("0,40 0,100", "0,58 18,42 30,58 32,100", "32,58 50,42 64,58 66,100"),  # m
    ("4,10 4,100", "4,42 30,10 54,32 56,100"),  # n
    ("6,10 6,100", "6,24 30,8 54,34 30,58 6,50"),  # p
    ("10,10 10,100", "10,44 30,12 56,18"),  # r
    ("26,0 26,80 42,100 60,88", "4,30 54,30"),  # t
    ("0,10 14,90 / 34,30 / 54,90 66,50 68,10",),  # w
    ("0,12 20,12 36,88 60,88", "58,10 34,50 2,92"),  # x
    ("6,20 28,0 52,18 40,44 28,60 28,74", "28,92 28,100"),  # ?
    ("70,100 20,30 30,4 50,10 44,34 8,70 20,98 50,90 74,54",),  # &
    ("20,0 12,100", "56,0 48,100", "0,34 70,34", "0,68 70,68"),  # #
    ("0,50 100,50", "50,0 50,100"),  # +
    ("0,30 80,30", "0,64 80,64"),  # =
    ("50,0 50,100", "8,24 92,76", "92,24 8,76"),  # *
    ("0,56 30,96 / 96,0",),  # a tick
    ("0,50 100,50", "66,16 100,50 / 66,84"),  # an arrow
    ("0,88 50,0 / 100,88 / 0,88",),  # a triangle
    ("20,100 50,0 / 80,100 / 0,38 / 100,38 / 20,100",),  # a star
    ("0,40 16,14 34,40 50,66 66,40 84,14 100,40",),  # a wave
    ("50,50 60,46 60,60 40,62 34,40 60,26 80,50 60,84 24,76 12,40 36,6",),  # a spiral
    ("50,100 4,40 22,8 50,30 / 78,8 96,40 50,100",),  # a heart
    ("50,0 96,50 50,100 4,50 50,0", "32,34 33,40", "66,34 67,40", "26,64 50,80 74,64"),  # a face
    ("0,100 0,40 / 50,0 / 100,40 / 100,100 / 0,100", "40,100 40,64 / 60,64 / 60,100"),  # a house
)


def draw_digits(count: int, rng: np.random.Generator) -> Split:
    """Draw digits as MNIST is: light on dark, fitted to a 20 x 20 box, centred by mass.

    Args:
        count: How many, >= 1; every digit, and every form of it, is as likely as the others.
        rng: The same state draws the same digits.

    Returns:
        Images uint8 (count, 28, 28) and labels uint8 (count,).
    """
    labels = rng.integers(0, len(DIGIT_NAMES), count).astype(np.uint8)
    return Split(np.stack([_by_pen(_digit_form(label, rng), rng) for label in labels]), labels)


def draw_others(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw what is no single digit, as `draw_digits` draws digits.

    Half of them are letters, signs and shapes, a quarter scribbles, a quarter two digits.

    Args:
        count: How many, >= 1.
        rng: The same state draws the same pictures.

    Returns:
        Images uint8 (count, 28, 28).
    """
    kinds = (_other_form, _other_form, _scribble, _two_digits)
    return np.stack([_by_pen(kinds[rng.integers(len(kinds))](rng), rng) for _ in range(count)])


def _other_form(rng: np.random.Generator) -> list[Floats]:
    form = OTHER_FORMS[rng.integers(len(OTHER_FORMS))]
    return [smooth_curve(stroke, rng) for stroke in form]


def _scribble(rng: np.random.Generator) -> list[Floats]:
    knots = [rng.uniform(0, 1, (rng.integers(6, 12), 2)) for _ in range(rng.integers(1, 3))]
    return [_catmull_rom(each) for each in knots]


def _two_digits(rng: np.random.Generator) -> list[Floats]:
    left, right = (_digit_form(digit, rng) for digit in rng.integers(len(FORMS), size=2))
    gap = max(stroke[:, 0].max() for stroke in left) + rng.uniform(0, 0.3)
    return [*left, *(stroke + np.array([gap, 0]) for stroke in right)]


def _digit_form(digit: int, rng: np.random.Generator) -> list[Floats]:
    forms = FORMS[digit]
    return [smooth_curve(stroke, rng) for stroke in forms[rng.integers(len(forms))]]


def smooth_curve(stroke: str, rng: np.random.Generator | None = None) -> Floats:
    """Return a dense curve (n, 2), in heights of the digit, through points written as in `FORMS`.

    With `rng` each point is moved a little first, as no hand writes a form twice alike.
    """
    points, corners = _points(stroke)
    if rng:
        points = points + rng.normal(0, UNSTEADY, points.shape)
    ends = [0, *corners, len(points) - 1]
    runs = [points[start : end + 1] for start, end in pairwise(ends)]
    return np.concatenate([_catmull_rom(run) for run in runs])


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


def _catmull_rom(knots: Floats) -> Floats:
    """Catmull & Rom's spline through `knots` (Computer Aided Geometric Design, 1974)."""
    ends = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    pieces = _basis() @ ends[_fours(len(knots) - 1)]
    return np.concatenate([pieces.reshape(-1, 2), knots[-1:]])


@cache
def _fours(count: int) -> NDArray[np.intp]:
    """Number the neighbours of `count` gaps between knots, two on either side of each: (count, 4).

    NumPy's sliding windows take several times as long for so few.
    """
    return np.arange(count)[:, None] + np.arange(4)


@cache
def _basis() -> Floats:
    """Return how much each of four knots counts between the second and the third: (STEPS, 4)."""
    t = np.linspace(0, 1, STEPS, endpoint=False)
    weights = [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]
    return np.stack(weights, axis=1) / 2


def _by_pen(strokes: list[Floats], rng: np.random.Generator) -> NDArray[np.uint8]:
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
    return _centred(cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def _by_hand(strokes: list[Floats], rng: np.random.Generator) -> list[Floats]:
    """Bend all strokes of a digit as one hand would: slanted, stretched, each a little shifted."""
    lean = np.array([[rng.uniform(0.55, 1.25), rng.normal(0, 0.2)], [rng.normal(0, 0.05), 1]])
    bent = []
    for stroke in strokes:
        wave = 0.03 * np.sin(rng.uniform(2, 6, 2) * stroke[:, ::-1] + rng.uniform(0, 7, 2))
        bent.append((stroke + wave + rng.normal(0, 0.015, 2)) @ lean.T)
    return bent


def _centred(image: cv2.typing.MatLike) -> NDArray[np.uint8]:
    moments = cv2.moments(image)
    room = (SIDE - BOX) // 2
    off = [SIDE / 2 - moments[axis] / moments["m00"] for axis in ("m01", "m10")]
    return np.roll(image, np.clip(np.rint(off), -room, room).astype(int), (0, 1)).astype(np.uint8)
