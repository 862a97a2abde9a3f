"""The signs in a line that are no digits, drawn beside those that are."""

from collections.abc import Callable

import cv2
import numpy as np

from pipeline.system.arrays import Pixels

Points = list[tuple[float, float]]

FRACTION = 4  # bits of a coordinate behind the point, for OpenCV


def draw_mark(
    ink: Pixels,
    sign: str,
    left: float,
    centre: float,
    height: float,
    slant: float,
    rng: np.random.Generator,
) -> float:
    """Draw a sign into a strip and return where it ends, in columns.

    Args:
        ink: uint8 (h, w), drawn on as far as it reaches.
        sign: One of `texts`; a blank draws nothing.
        left: Where it begins, in columns.
        centre: Middle of the digits, in lines of pixels.
        height: Of the digits, in pixels.
        slant: Of the digits, in pixels across per pixel down.
        rng: The same state draws the same sign.
    """
    strokes = _STROKES[sign](rng)
    width = max((x for stroke in strokes for x, _ in stroke), default=rng.uniform(0.4, 2.0))
    pen = max(1, round(height * rng.uniform(0.04, 0.14)))
    for stroke in strokes:
        points = [
            (
                left + x * height - slant * y * height / 2,
                centre + (y + rng.normal(0, 0.02)) * height,
            )
            for x, y in stroke
        ]
        fine = np.rint(np.array(points) * 2**FRACTION).astype(np.int32)
        cv2.polylines(ink, [fine], False, 255, pen, cv2.LINE_AA, shift=FRACTION)
    return left + width * height + pen / 2


def _dot(rng: np.random.Generator) -> list[Points]:
    x, y = rng.uniform(0, 0.12), rng.uniform(0.2, 0.55)
    return [[(x, y), (x + rng.uniform(0, 0.08), y + rng.uniform(0, 0.06))]]


def _comma(rng: np.random.Generator) -> list[Points]:
    x, y = rng.uniform(0.08, 0.2), rng.uniform(0.3, 0.5)
    return [[(x, y), (x - rng.uniform(-0.02, 0.16), y + rng.uniform(0.12, 0.42))]]


def _apostrophe(rng: np.random.Generator) -> list[Points]:
    x, y = rng.uniform(0.05, 0.15), rng.uniform(-0.6, -0.4)
    return [[(x, y), (x - rng.uniform(-0.02, 0.1), y + rng.uniform(0.1, 0.25))]]


def _dash(rng: np.random.Generator) -> list[Points]:
    return [_bar(rng.uniform(0.2, 0.7), rng.uniform(-0.15, 0.25), rng)]


def _long_dash(rng: np.random.Generator) -> list[Points]:
    return [_bar(rng.uniform(0.7, 4.0), rng.uniform(-0.4, 0.4), rng)]


def _underscore(rng: np.random.Generator) -> list[Points]:
    return [_bar(rng.uniform(0.2, 0.6), rng.uniform(0.35, 0.6), rng)]


def _equals(rng: np.random.Generator) -> list[Points]:
    length, y, apart = rng.uniform(0.2, 0.8), rng.uniform(-0.3, 0.1), rng.uniform(0.15, 0.35)
    return [_bar(length, y, rng), _bar(length * rng.uniform(0.7, 1.2), y + apart, rng)]


def _bar(length: float, y: float, rng: np.random.Generator) -> Points:
    rise, bend = rng.normal(0, 0.1) * length, rng.normal(0, 0.05)
    return [(0, y - rise / 2), (length / 2, y + bend), (length, y + rise / 2)]


def _slash(rng: np.random.Generator) -> list[Points]:
    """Lean it more than ones do, and make it longer."""
    reach, over = rng.uniform(0.35, 0.75), rng.uniform(0.12, 0.3)
    return [[(reach, -0.5 - over), (0, 0.5 + over * rng.uniform(0.5, 1.5))]]


def _star(rng: np.random.Generator) -> list[Points]:
    size, y = rng.uniform(0.15, 0.3), rng.uniform(-0.2, 0.2)
    return [
        [(0, y - size), (2 * size, y + size)],
        [(0, y + size), (2 * size, y - size)],
        [(size, y - size), (size, y + size)],
    ]


def _dollar(rng: np.random.Generator) -> list[Points]:
    x, high = rng.uniform(0.2, 0.35), rng.uniform(0.4, 0.6)
    snake = [
        *((2 * x, -0.3 * high), (x, -0.8 * high), (0, -0.4 * high), (x, 0)),
        *((2 * x, 0.4 * high), (x, 0.8 * high), (0, 0.4 * high)),
    ]
    bars = [x] if rng.random() < 0.6 else [0.8 * x, 1.2 * x]
    return [snake, *([(each + 0.05, -1.2 * high), (each, 1.2 * high)] for each in bars)]


def _nothing(_rng: np.random.Generator) -> list[Points]:
    return []


_STROKES: dict[str, Callable[[np.random.Generator], list[Points]]] = {
    ".": _dot,
    ",": _comma,
    "'": _apostrophe,
    "-": _dash,
    "~": _long_dash,
    "_": _underscore,
    "=": _equals,
    "/": _slash,
    "*": _star,
    "$": _dollar,
    " ": _nothing,
}
