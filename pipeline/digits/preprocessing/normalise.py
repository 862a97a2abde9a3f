"""From people's picture of a digit to a picture as MNIST holds it: pure functions on arrays.

MNIST's digits are light on black, fitted to a 20 x 20 box keeping their shape, and centred by mass
in 28 x 28 (Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998).
`read` undoes, one visible step after the other, what people's pictures have besides: colour, dark
ink on light paper, shadows, squared paper, frames, specks, and pens of any width.

Lengths are relative to the picture wherever they can be, so that its size does not matter. An "ink"
array is uint8: 0 is paper, 255 is ink that swallows all of the paper's light.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.decoding import AT_FIRST, ENOUGH, Picture
from pipeline.digits.preprocessing.form import (
    BOX,
    CLEAR,
    FINE,
    SIDE,
    box_around,
    doubt,
    enlarge,
    even_strokes,
    fit,
    is_as_mnist,
    stroke_width,
)
from pipeline.digits.preprocessing.ink import (
    TINY,
    Weights,
    color_weights,
    ink_is_dark,
    ink_on,
    light_of,
    weigh,
)
from pipeline.digits.preprocessing.marks import (
    BLANK,
    choose_marks,
    find_marks,
    without_edges,
    without_lines,
)
from pipeline.digits.preprocessing.pixels import Pixels, resize, shrink, u8

# Longest side at which strokes are looked for, or up to √2 times more or less; twice that where
# nothing is seen.
LOOK = 128
NEAR = 3 * BOX  # a digit that is smaller where strokes are looked for is redrawn from the picture


@dataclass(frozen=True)
class Reading:
    """A picture brought to MNIST's form.

    Attributes:
        image: uint8 (28, 28), light digit on black; all black if there was nothing to see.
        trouble: Why this is hardly one digit, in one line; empty if nothing speaks against it.
        steps: Name and array of every step on the way, in order, the last one being `image`.
        extent: The digit's longer side in pixels of the picture that was given, or of the one whose
            pixels were repeated to make it; 0 without a digit.
    """

    image: Pixels
    trouble: str
    steps: tuple[tuple[str, NDArray[np.generic]], ...]
    extent: int


def normalise(picture: Pixels) -> Pixels:
    """Return what the network sees, uint8 (28, 28), of a picture, uint8 (h, w) or (h, w, 3)."""
    return read(picture).image


def read(picture: Pixels) -> Reading:
    """Bring a picture of one handwritten digit to MNIST's form.

    Args:
        picture: uint8, (h, w) grey or (h, w, 3) RGB, opaque, any size from 1 x 1.
    """
    if is_as_mnist(picture):
        return Reading(picture, "", (("picture", picture), ("seen", picture)), BOX)
    picture = without_blocks(picture)
    # Powers of two are averaged three times as fast as what lies between them.
    factor: int = 2 ** max(0, round(math.log2(max(picture.shape[:2]) / LOOK)))
    reading = _look(picture, factor)
    if factor > 1 and not reading.extent:
        return _look(picture, factor // 2)  # where a thin, faint pen is less faint
    return reading


def _look(picture: Pixels, factor: int) -> Reading:
    """Read a picture, looking for strokes where it is shrunk by a factor."""
    look = shrink(picture, factor)
    weights = color_weights(look)
    gray = weigh(look, weights)
    dark = ink_is_dark(gray)
    paper = gray if dark else 255 - gray
    image = 255 - paper
    steps = [("picture", picture), ("grey", gray), ("dark on light", paper)]
    if is_as_mnist(image):
        return Reading(image, "", (*steps, ("seen", image)), BOX)
    light = light_of(paper, shaded=max(paper.shape) > TINY)
    flat = ink_on(paper, light)
    marks = find_marks(flat)
    inner = without_edges(flat, marks)
    ink = without_lines(inner)
    marks = marks if ink is flat else find_marks(ink)
    chosen, trouble = choose_marks(ink, marks)
    digit = marks.mask(chosen)
    steps += [("flattened", flat), ("edges dropped", inner), ("lines dropped", ink)]
    steps += [("digit", 255 * digit)]
    if not chosen.any():
        nothing = np.zeros((SIDE, SIDE), np.uint8)
        return Reading(nothing, trouble, (*steps, ("seen", nothing)), 0)
    extent = max(cv2.boundingRect(digit)[2:])
    if factor > 1 and extent < NEAR:
        flat, digit = _closer(picture, weights, dark, light, digit, factor)
    strokes = enlarge(flat, digit)
    width = stroke_width(strokes)
    even = even_strokes(strokes, width)
    image = fit(even)
    steps += [("enlarged", strokes), ("stroke width", even), ("seen", image)]
    if not image.any():  # as of a picture that is hardly wider than a pixel
        return Reading(image, BLANK, tuple(steps), 0)
    return Reading(image, trouble or doubt(strokes, width), tuple(steps), extent * factor)


def without_blocks(picture: Pixels) -> Pixels:
    """Return a small picture that was enlarged by repeating its pixels its own size back.

    The steps at the borders of such pixels are not the pen's.
    """
    height, width = picture.shape[:2]
    # A few lines of one colour tell nearly all other pictures apart.
    tone = picture if picture.ndim == 2 else picture[..., 1]
    side = math.gcd(_steps(tone[:: max(1, height // 8)]), height, width)
    if side > 1:
        side = math.gcd(side, _steps(tone[:, :: max(1, width // 8)].T))
    if side > 1:
        tones = [picture] if picture.ndim == 2 else cv2.split(picture)
        side = math.gcd(side, *(_steps(u8(way)) for each in tones for way in (each, each.T)))
    return np.ascontiguousarray(picture[::side, ::side]) if side > 1 else picture


def _steps(lines: Pixels) -> int:
    """Return the common divisor of the places where any of some lines changes; 0 if nowhere."""
    changes = (lines[:, 1:] != lines[:, :-1]).any(axis=0)
    if (changes[1:] & changes[:-1]).any():
        return 1
    return math.gcd(*(changes.nonzero()[0] + 1).tolist())


def _closer(
    picture: Pixels,
    weights: Weights,
    dark: bool,
    light: float | Pixels,
    digit: Pixels,
    factor: int,
) -> tuple[Pixels, Pixels]:
    """Look at a small digit again, from nearer by: its ink and where it is, both cut out."""
    rows, columns = box_around(digit)
    top, bottom = rows.start * factor, rows.stop * factor
    left, right = columns.start * factor, columns.stop * factor
    gray = weigh(picture[top:bottom, left:right], weights)
    gray = resize(gray, BOX * FINE / max(cv2.boundingRect(digit)[2:]) / factor)
    size = gray.shape[::-1]
    if not isinstance(light, float):
        light = u8(cv2.resize(light[rows, columns], size, interpolation=cv2.INTER_LINEAR))
    near = cv2.resize(digit[rows, columns], size, interpolation=cv2.INTER_NEAREST)
    return ink_on(gray if dark else 255 - gray, light), u8(near)


def read_digit(open_picture: Callable[[int], Picture]) -> tuple[Picture, Reading]:
    """Decode a picture and bring its digit to MNIST's form.

    A JPEG that is decoded at half its size takes a quarter less time. Most digits need no more; for
    a small one it is decoded once again.

    Args:
        open_picture: Decodes the picture, given the longest side that is enough.

    Raises:
        PictureError: What `open_picture` raises.
    """
    picture = open_picture(AT_FIRST)
    reading = read(picture.pixels)
    if picture.has_more and reading.extent < CLEAR:
        picture = open_picture(ENOUGH)
        reading = read(picture.pixels)
    return picture, reading
