"""Digits and signs drawn from strokes as hands other than MNIST's write them, with any pen."""

from itertools import chain

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.splits import BOX, SIDE, Split
from pipeline.digits.training.drawing.handwriting import smooth_curve
from pipeline.digits.training.drawing.strokes import FORMS, OTHER_FORMS

Floats = NDArray[np.float64]
Form = tuple[str, ...]

OVERSIZE = 4  # drawn this many times as large and then reduced, which gives soft edges
WIDEST = 26  # pixels that a drawing may be across, which is wider than MNIST's
PENS = (0.035, 0.2)  # width of the pen, as a share of the digit's height

# By digit, in the notation of `strokes.FORMS`.
MORE_FORMS: tuple[tuple[Form, ...], ...] = (
    (
        ("34,4 12,10 2,44 10,86 30,100 50,84 58,46 46,12 30,0 20,8",),
        ("50,4 24,2 4,30 4,70 26,98 54,84 62,46 50,14 34,4 18,14",),
        ("40,0 14,14 4,52 18,92 44,98 62,62 58,22 38,6 24,16 40,26",),
        ("20,0 4,40 10,90 40,98 58,60 50,20 26,4",),
    ),
    (
        ("26,0 14,50 0,100",),  # a slash
        ("34,0 16,50 0,100",),
        ("4,0 2,50 0,100",),
        ("0,70 24,34 46,0 / 40,50 32,100",),  # Λ
        ("0,94 26,44 44,0 / 46,50 48,100",),
        ("0,100 22,48 36,0 / 42,50 52,100",),
        ("0,40 14,24 30,0 / 20,50 8,100",),
        ("0,30 12,18 24,0 / 20,50 16,98", "0,100 18,97 36,98"),
        ("0,46 10,34 18,0 / 14,50 12,88 22,98",),
    ),
    (
        ("4,24 14,4 40,2 50,24 34,56 10,88 6,98 16,86 34,88 62,96",),  # looped
        ("2,18 22,0 46,12 40,44 18,78 2,94 6,78 24,82 42,96 66,88",),
        ("6,10 30,0 50,16 36,50 4,96 / 24,90 44,98 66,92",),
        ("4,6 30,2 50,4 / 30,48 4,98 / 30,96 58,98",),  # Z
        ("8,22 20,4 40,4 46,20 30,52 6,96 / 40,94 84,92",),
        ("4,30 10,6 34,0 50,16 44,50 24,84 8,98 0,86 12,72 34,84 66,90",),
        ("14,34 6,12 28,0 52,12 50,44 28,84 6,92 4,76 24,74 40,96 64,98",),
        ("6,16 26,0 44,12 36,46 12,78 2,100 / 20,86 40,100 60,84",),
    ),
    (
        ("2,8 30,4 56,0 / 38,20 20,40 / 46,48 52,74 34,96 0,92",),
        ("8,20 24,2 46,8 44,30 24,44 / 44,54 52,80 30,100 2,84",),
        ("2,4 28,0 48,6 / 34,26 22,40 / 50,50 50,86 10,98 -14,92",),
        ("10,12 34,0 48,14 26,44 18,40 24,48 48,64 36,94 4,98 -4,88",),
    ),
    (
        ("10,0 6,24 4,44 / 30,46 54,42", "52,6 50,50 48,100"),  # open
        ("14,0 4,44 / 24,50 48,36", "46,8 40,54 34,100"),
        ("8,4 4,30 16,48 36,46 50,34 / 54,0 52,30 46,100",),  # y
        ("22,0 8,30 0,56 / 32,58 70,50", "46,26 38,62 30,100"),
        ("0,0 2,30 14,44 40,40 / 48,2 46,40 44,100",),
        ("30,0 14,30 -4,62 / 30,62 66,58", "36,40 32,70 30,100"),
        ("40,0 20,30 0,62 / 30,66 60,64", "44,6 42,50 38,100"),
        ("24,0 12,28 0,60 / 26,52 50,40 / 36,70 22,100",),
        ("20,0 10,34 2,62 12,60 40,44 / 34,70 24,100",),
        ("34,0 16,30 0,58 / 30,56 62,50", "56,20 44,60 34,100"),
        ("44,4 20,30 2,54 12,64 40,58 60,54 / 56,10 50,54 46,100",),
    ),
    (
        ("16,4 8,36 / 30,34 44,54 36,84 0,96", "14,4 46,2 74,-4"),
        ("0,50 10,62 16,98 / 24,50 34,2 / 64,0 90,0",),  # √
        ("2,40 14,44 20,90 / 30,40 44,2 / 90,4",),
        ("10,8 4,40 26,36 44,56 34,90 4,96", "10,8 30,6 56,8"),
        ("54,2 28,0 14,6 / 10,34 34,40 50,62 38,92 6,98",),  # S
        ("64,6 30,2 8,20 22,42 46,58 44,86 20,100 0,88",),
    ),
    (
        ("40,0 18,34 4,70 14,98 38,96 48,74 32,60 10,74",),
        ("30,0 14,40 4,78 20,100 44,90 46,68 26,62 8,80",),
        ("52,4 30,0 10,24 2,66 16,98 42,92 50,66 30,54 10,66",),
        ("20,0 6,40 2,78 22,100 50,96 60,76 44,66 8,80",),
        ("56,6 28,2 4,30 2,76 22,100 54,96 54,64 / 24,62",),  # G
    ),
    (
        ("0,8 4,2 / 50,4 / 30,50 22,100", "8,54 30,50 54,46"),  # barred
        ("0,14 14,2 30,8 52,2 / 34,46 20,100", "6,56 28,50 54,48"),
        ("2,4 28,6 54,0 / 32,50 16,100", "10,52 56,44"),
        ("0,20 2,6 26,4 48,6 / 36,50 30,100",),
        ("4,10 26,0 46,10 44,36 40,70 36,100",),
        ("0,10 20,2 44,2 / 32,40 18,72 6,100", "6,46 48,40"),
        ("0,6 24,8 48,0 / 40,30 24,66 16,100", "10,48 32,46 52,42"),
        ("0,0 2,14 / 4,4 30,6 54,2 / 38,46 28,100", "16,54 36,50 58,52"),
        ("0,12 16,4 48,6 / 36,48 26,100", "-4,50 28,48 70,42"),
        ("0,18 8,4 24,10 46,2 / 36,30 22,62 16,100", "14,46 50,40"),
    ),
    (
        ("46,8 26,0 8,16 22,40 46,58 44,88 20,100 4,84 14,60 40,40 54,14 44,4",),
        ("30,2 10,16 20,38 46,50 50,84 24,100 4,82 18,54 46,34 50,10 28,2",),
        ("10,4 6,50 4,98", "8,4 40,4 44,30 10,48 / 50,56 46,92 2,98"),  # B
        ("56,2 34,0 14,14 20,36 42,52 42,84 18,98 4,80 20,56 50,30 60,6",),
        ("40,30 54,12 36,0 16,12 20,36 44,56 48,84 28,100 8,88 14,64 36,44 52,20",),
        ("24,0 8,16 18,40 42,46 44,16 24,0", "30,44 6,60 4,90 28,100 52,86 50,60 30,44"),
        ("4,50 6,10 34,0 46,18 30,44 10,48 / 44,56 46,88 22,100 4,90 6,50",),
    ),
    (
        ("10,8 8,50 4,100", "6,10 34,0 50,18 40,42 12,48"),  # P
        ("6,6 4,50 0,100", "4,4 44,2 50,32 34,46 6,44"),
        ("44,8 18,0 2,20 12,42 38,34 48,6 / 44,50 30,100",),
        ("48,14 30,0 8,14 12,38 36,38 48,14 / 46,60 36,92 8,98",),
        ("40,4 12,6 4,30 22,44 44,24 / 46,4 44,50 42,100",),  # q
        ("44,10 22,0 4,20 16,42 42,30 46,8 / 42,50 20,100",),
        ("6,100 8,50 14,12 36,0 50,14 44,36 24,46 10,42",),
        ("40,16 24,2 4,16 10,36 32,30 42,8 / 36,50 12,100",),
        ("50,10 26,0 6,14 14,34 40,28 50,10 / 52,50 40,90 14,100 2,88",),
    ),
)


def draw_digits(count: int, rng: np.random.Generator) -> Split:
    """Draw digits, light on dark: as high as MNIST's, but as wide as they come.

    Args:
        count: How many, >= 1.
        rng: The same state draws the same digits.

    Returns:
        Images uint8 (count, 28, 28) and labels uint8 (count,).
    """
    labels = rng.integers(0, len(FORMS), count).astype(np.uint8)
    forms = [_choose((*FORMS[label], *MORE_FORMS[label]), rng) for label in labels]
    return Split(np.stack([_drawn(form, rng) for form in forms]), labels)


def draw_signs(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw letters and signs that nobody writes a digit like, uint8 (count, 28, 28)."""
    return np.stack([_drawn(_choose(OTHER_FORMS, rng), rng) for _ in range(count)])


def _choose(forms: tuple[Form, ...], rng: np.random.Generator) -> Form:
    return forms[rng.integers(len(forms))]


def _drawn(form: Form, rng: np.random.Generator) -> NDArray[np.uint8]:
    lean = np.array([[rng.uniform(0.6, 1.4), rng.normal(0, 0.1)], [rng.normal(0, 0.04), 1]])
    strokes = [_wavy(smooth_curve(stroke, rng), rng) @ lean.T for stroke in form]
    pen = rng.uniform(*PENS)
    points = np.array(list(chain.from_iterable(strokes)))
    low, size = points.min(axis=0), np.ptp(points, axis=0)
    scale = min((1 - pen) * BOX / size[1], WIDEST * (1 - pen) / max(size[0], 1e-6)) * OVERSIZE
    room = (SIDE * OVERSIZE - size * scale) / 2
    large = np.zeros((SIDE * OVERSIZE, SIDE * OVERSIZE), np.uint8)
    lines = [np.rint(((stroke - low) * scale + room) * 8).astype(np.int32) for stroke in strokes]
    thickness = max(1, round(pen * BOX * OVERSIZE))
    cv2.polylines(large, lines, False, 255, thickness, cv2.LINE_AA, shift=3)
    small = cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return cv2.convertScaleAbs(small, alpha=1.3).astype(np.uint8, copy=False)


def _wavy(stroke: Floats, rng: np.random.Generator) -> Floats:
    wave = rng.uniform(0, 0.06) * np.sin(
        rng.uniform(2, 6, 2) * stroke[:, ::-1] + rng.uniform(0, 7, 2)
    )
    return stroke + wave + rng.normal(0, 0.015, 2)
