"""Digits drawn from strokes of our own, in ways of writing that MNIST's writers hardly used.

MNIST was written by Americans: few ones with a flag and a foot, few sevens with a bar. A network
that has met some of each reads them elsewhere, too.
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.datasets import DIGIT_NAMES, Split

Floats = NDArray[np.float64]

SIDE, BOX = 28, 20
# Digits are drawn this many times as large and then reduced, which gives them soft edges.
OVERSIZE = 8

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
        ("8,26 20,15 30,0 / 30,50 30,100", "2,100 30,99 58,100"),
        ("4,32 17,19 32,0 / 32,50 32,98", "10,99 32,98 54,99"),
        ("30,0 30,50 30,100", "8,100 30,100 52,100"),
    ),
    (
        ("4,22 14,4 38,0 56,16 50,42 28,70 0,100 / 30,100 60,100",),
        ("2,6 30,2 58,6 / 30,52 0,100 / 30,98 60,100",),
        ("5,20 25,0 50,10 48,38 25,75 8,96 0,88 12,80 35,92 62,98",),
        ("8,30 4,15 20,0 45,4 52,28 35,60 2,100 / 30,95 60,92",),
    ),
    (
        ("6,14 26,0 50,8 52,30 38,44 22,47 / 46,52 58,72 46,94 22,100 2,88",),
        ("4,2 30,2 56,2 / 40,22 26,42 / 48,46 58,70 44,95 18,100 0,88",),
        ("4,12 25,0 50,14 40,38 18,48 / 48,58 54,84 28,100 2,90",),
    ),
    (
        ("12,0 8,30 2,58 / 30,59 66,56", "50,20 47,60 44,100"),
        ("42,0 20,33 0,68 / 32,68 64,68", "42,0 42,50 42,100"),
        ("40,0 20,32 0,65 / 35,65 65,65", "45,36 44,70 43,100"),
        ("5,0 5,30 5,55 / 30,55 60,55", "50,0 50,50 50,100"),
    ),
    (
        ("8,0 8,20 6,42 / 30,34 52,44 58,70 40,96 2,94", "8,0 32,0 56,0"),
        ("56,0 30,0 10,2 / 8,20 6,42 / 32,36 54,52 54,82 30,100 2,92",),
        ("56,2 30,0 10,8 8,35 30,42 54,58 48,90 22,100 0,92",),
    ),
    (
        ("46,0 24,22 6,54 4,80 22,99 46,94 55,74 44,57 24,58 7,76",),
        ("55,12 40,2 18,18 5,50 6,82 26,100 50,90 53,68 36,55 13,65",),
        ("48,0 20,20 4,55 8,90 32,100 54,84 48,56 26,50 6,66",),
    ),
    (
        ("2,2 30,2 60,0 / 42,40 30,70 22,100",),
        ("2,2 30,2 60,0 / 42,40 30,70 22,100", "14,50 34,49 56,48"),
        ("0,16 1,8 2,0 / 30,0 60,0 / 44,45 26,100",),
        ("0,16 1,8 2,0 / 30,0 60,0 / 44,45 26,100", "16,50 34,48 52,46"),
        ("0,5 30,0 58,5 46,34 34,64 30,100",),
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
    ),
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
    images = [_draw(FORMS[label][rng.integers(len(FORMS[label]))], rng) for label in labels]
    return Split(np.stack(images), labels)


@cache
def smooth_curve(stroke: str) -> Floats:
    """Give a dense curve (n, 2), in heights of the digit, through points written as in `FORMS`."""
    runs: list[list[list[float]]] = [[]]
    for mark in stroke.split():
        if mark == "/":
            runs.append([runs[-1][-1]])
        else:
            runs[-1].append([float(number) / 100 for number in mark.split(",")])
    return np.concatenate([_catmull_rom(np.array(run)) for run in runs])


def _catmull_rom(knots: Floats, steps: int = 24) -> Floats:
    """Catmull & Rom's spline through `knots` (Computer Aided Geometric Design, 1974)."""
    ends = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = [
        0.5
        * (
            2 * b
            + (c - a) * t
            + (2 * a - 5 * b + 4 * c - d) * t**2
            + (3 * b - a - 3 * c + d) * t**3
        )
        for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False)
    ]
    return np.vstack([*pieces, knots[-1:]])


def _draw(form: tuple[str, ...], rng: np.random.Generator) -> NDArray[np.uint8]:
    strokes = _by_hand([smooth_curve(stroke) for stroke in form], rng)
    width = rng.uniform(0.06, 0.17)
    points = np.vstack(strokes)
    low, size = points.min(axis=0) - width / 2, np.ptp(points, axis=0) + width
    scale = BOX * OVERSIZE / size.max()
    room = (SIDE * OVERSIZE - size * scale) / 2
    large = np.zeros((SIDE * OVERSIZE, SIDE * OVERSIZE), np.uint8)
    lines = [np.rint((stroke - low) * scale + room).astype(np.int32) for stroke in strokes]
    cv2.polylines(large, lines, isClosed=False, color=255, thickness=max(1, round(width * scale)))
    return _centred(cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def _by_hand(strokes: list[Floats], rng: np.random.Generator) -> list[Floats]:
    """Bend all strokes of a digit as one hand would: slanted, stretched, each a little shifted."""
    lean = np.array([[rng.uniform(0.75, 1.25), rng.normal(0, 0.2)], [rng.normal(0, 0.05), 1]])
    bent = []
    for stroke in strokes:
        wave = 0.03 * np.sin(rng.uniform(2, 6, 2) * stroke[:, ::-1] + rng.uniform(0, 7, 2))
        bent.append((stroke + wave + rng.normal(0, 0.015, 2)) @ lean.T)
    return bent


def _centred(image: cv2.typing.MatLike) -> NDArray[np.uint8]:
    moments = cv2.moments(image)
    room = (SIDE - BOX) // 2
    off = [(SIDE - 1) / 2 - moments[axis] / moments["m00"] for axis in ("m01", "m10")]
    return np.roll(image, np.clip(np.rint(off), -room, room).astype(int), (0, 1)).astype(np.uint8)
