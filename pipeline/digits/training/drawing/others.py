"""Draw what is no digit: letters, signs, shapes, scribbles, blots, digits turned or in pairs.

A network that is trained only on digits takes every letter for a digit.
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.splits import BOX, SIDE
from pipeline.digits.training.drawing.handwriting import (
    Floats,
    by_pen,
    centred,
    digit_form,
    smooth_curve,
    spline,
)
from pipeline.digits.training.drawing.letters import LETTER_FORMS
from pipeline.digits.training.drawing.strokes import FORMS, OTHER_FORMS
from pipeline.system.arrays import Pixels

ALL_FORMS = OTHER_FORMS + LETTER_FORMS

# Characters that look like no digit, in kinds that are equally likely: letters and signs, letters
# once more, kana, kanji. OpenCV brings the fonts along, with strokes of any weight.
LETTERS = "ACEFHJKLMNPRTUVWXYadefhkmnprtuvwx&?#+=*$"
KANA = "あえおかきけさすせたとなにぬねはひふほまみむめもやゆよれわをんイウオカキサセネヒホムモヤユ"
KANJI = "永水火木土人大天女子小中国年月本書字文手田千万今何出分行車足山川上下左右"
CHARACTERS = (LETTERS, LETTERS, KANA, KANJI)
FONTS = ("sans", "italic")
LIGHTEST, BOLDEST = 200, 800  # weights, 400 being regular
CHARACTER_HEIGHT, PAGE = 90, (180, 220)  # pixels

# Digits that look like none when they are mirrored or turned a quarter or half round.
MIRRORED, TURNED_A_QUARTER, TURNED_ROUND = (3, 7, 9), (3,), (3, 4, 7)

INKED = 32  # ink above this counts for the box, 0..255
MOST_BLOTS = 9  # along each side
FINE_BLOTS = 14


def draw_others(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw things that are not a single digit, in the form of `draw_digits`.

    Args:
        count: How many, >= 1.
        rng: The same state draws the same pictures.

    Returns:
        Images uint8 (count, 28, 28).
    """
    shares = np.array(list(KINDS.values()))
    kinds = rng.choice(len(KINDS), count, p=shares / shares.sum())
    draw = list(KINDS)
    return np.stack([draw[kind](rng) for kind in kinds])


def _other_form(rng: np.random.Generator) -> Pixels:
    form = ALL_FORMS[rng.integers(len(ALL_FORMS))]
    return by_pen([smooth_curve(stroke, rng) for stroke in form], rng)


def _scribble(rng: np.random.Generator) -> Pixels:
    knots = [rng.uniform(0, 1, (rng.integers(6, 12), 2)) for _ in range(rng.integers(1, 3))]
    return by_pen([spline(each) for each in knots], rng)


def _two_digits(rng: np.random.Generator) -> Pixels:
    left, right = (digit_form(digit, rng) for digit in rng.integers(len(FORMS), size=2))
    gap = max(stroke[:, 0].max() for stroke in left) + rng.uniform(0, 0.3)
    return by_pen([*left, *(stroke + np.array([gap, 0]) for stroke in right)], rng)


def _turned_digit(rng: np.random.Generator) -> Pixels:
    matrix, digits = (
        (np.diag([-1.0, 1.0]), MIRRORED),
        (np.array([[0.0, 1.0], [-1.0, 0.0]]), TURNED_A_QUARTER),
        (np.array([[0.0, -1.0], [1.0, 0.0]]), TURNED_A_QUARTER),
        (-np.eye(2), TURNED_ROUND),
    )[rng.integers(4)]
    strokes: list[Floats] = digit_form(digits[rng.integers(len(digits))], rng)
    return by_pen([stroke @ matrix.T for stroke in strokes], rng)


def _character(rng: np.random.Generator) -> Pixels:
    """Print a character, slanted and stretched, perhaps with a thicker pen."""
    kind = CHARACTERS[rng.integers(len(CHARACTERS))]
    page = np.zeros(PAGE, np.uint8)
    cv2.putText(
        page,
        kind[rng.integers(len(kind))],
        (PAGE[1] // 4, 2 * PAGE[0] // 3),
        (255,),
        _font(FONTS[rng.integers(len(FONTS))]),
        CHARACTER_HEIGHT,
        int(rng.integers(LIGHTEST, BOLDEST)),
    )
    lean = np.array([[rng.uniform(0.7, 1.2), rng.normal(0, 0.2)], [rng.normal(0, 0.08), 1]])
    middle = np.array(PAGE[::-1]) / 2
    leaning = cv2.warpAffine(page, np.column_stack([lean, middle - lean @ middle]), PAGE[::-1])
    pen = 2 * int(rng.integers(0, 3)) + 1
    return _boxed(cv2.dilate(leaning, np.ones((pen, pen), np.uint8)).astype(np.uint8))


@cache
def _font(name: str) -> cv2.FontFace:
    return cv2.FontFace(name)


def _blots(rng: np.random.Generator) -> Pixels:
    """Return what is darkest in a random pattern, as of a photograph, with soft or hard edges."""
    pattern = _smooth_noise(int(rng.integers(2, MOST_BLOTS)), rng)
    if rng.random() < 0.5:
        pattern += 0.6 * _smooth_noise(FINE_BLOTS, rng)
    level = np.quantile(pattern, rng.uniform(0.5, 0.85))
    ink = np.clip((pattern - level) * rng.uniform(2, 8), 0, 1)
    return _boxed(np.rint(255 * ink / ink.max()).astype(np.uint8))


def _smooth_noise(cells: int, rng: np.random.Generator) -> NDArray[np.float32]:
    grid = rng.standard_normal((cells, cells), np.float32)
    smooth = cv2.resize(grid, (BOX, BOX), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, np.float32)


def _boxed(ink: Pixels) -> Pixels:
    """Fit ink into the box of MNIST's digits and centre it by mass."""
    x, y, width, height = cv2.boundingRect((ink > INKED).astype(np.uint8))
    scale = BOX / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(ink[y : y + height, x : x + width], size, interpolation=cv2.INTER_AREA)
    image = np.zeros((SIDE, SIDE), np.uint8)
    left, top = ((SIDE - length) // 2 for length in size)
    image[top : top + size[1], left : left + size[0]] = small
    return centred(image)


KINDS = {
    _other_form: 8,
    _scribble: 2,
    _two_digits: 2,
    _character: 6,
    _turned_digit: 2,
    _blots: 3,
}
"""What draws a picture, and how often in relation to the others."""
