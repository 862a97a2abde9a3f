"""Normalise people's pictures of a digit to MNIST's form: pure functions on arrays.

MNIST's digits are light on black, fitted to a 20 x 20 box keeping their shape, and centred by mass
in 28 x 28 (Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998).
`normalise` removes, one visible step after the other, what people's pictures have besides: colour,
dark ink on light paper, shadows, squared paper, frames, specks, and pens of any width.

Lengths are relative to the picture wherever they can be, so that its size does not matter.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.decoding import AT_FIRST, ENOUGH, Picture
from pipeline.digits.preprocessing.form import (
    BOX,
    FINE,
    SIDE,
    enlarge,
    even_strokes,
    fit_box,
    is_mnist_form,
    padded_box,
    stroke_width,
    why_no_digit,
)
from pipeline.digits.preprocessing.ink import (
    ChannelWeights,
    channel_weights,
    ink_is_dark,
    ink_under,
    paper_light,
    weigh_channels,
)
from pipeline.digits.preprocessing.marks import (
    BLANK,
    choose_marks,
    find_marks,
    without_edges,
    without_lines,
)
from pipeline.digits.preprocessing.pixels import as_pixels, longer_side, resize, shrink
from pipeline.system.arrays import Pixels

# All in pixels.
SEARCHED = 128  # longer side of a picture that is searched for strokes; up to √2 times more or less
REDRAWN = 3 * BOX  # longer side there of a digit below which it is cut out of the picture itself
CLEAR = 2 * BOX  # longer side of a digit from which on a picture decoded finer adds nothing

# Name and array of each step on the way, in order.
Steps = tuple[tuple[str, NDArray[np.generic]], ...]


@dataclass(frozen=True)
class Normalised:
    """A picture brought to MNIST's form.

    Attributes:
        image: uint8 (28, 28), light digit on black; all black if no digit was found.
        trouble: Why this is hardly one digit, in one line; empty if nothing speaks against it.
        steps: Every step on the way; the last one is `image`.
        extent: The digit's longer side, in pixels of the picture given (of the small one, if the
            picture repeats the pixels of a small one); 0 without a digit.
    """

    image: Pixels
    trouble: str
    steps: Steps
    extent: int


def normalise(picture: Pixels) -> Normalised:
    """Bring a picture of one handwritten digit to MNIST's form.

    Args:
        picture: uint8, (h, w) grey or (h, w, 3) RGB, opaque, any size from 1 x 1.
    """
    if is_mnist_form(picture):
        return Normalised(picture, "", (("picture", picture), ("seen", picture)), BOX)
    picture = _without_repeated_pixels(picture)
    # A power of two: OpenCV averages by those three times as fast as by other factors.
    factor: int = 2 ** max(0, round(math.log2(max(picture.shape[:2]) / SEARCHED)))
    found = _normalise_shrunk(picture, factor)
    if factor > 1 and not found.extent:
        return _normalise_shrunk(picture, factor // 2)  # a thin, faint pen is less faint there
    return found


def decode_and_normalise(decode: Callable[[int], Picture]) -> tuple[Picture, Normalised]:
    """Decode a picture and bring its digit to MNIST's form.

    A JPEG that is decoded at half its size takes a quarter less time. Most digits need no more; for
    a small one it is decoded again.

    Args:
        decode: Decodes the picture; its argument is the longest side, in pixels, that is enough.

    Raises:
        PictureError: What `decode` raises.
    """
    picture = decode(AT_FIRST)
    normalised = normalise(picture.pixels)
    if picture.has_more and normalised.extent < CLEAR:
        picture = decode(ENOUGH)
        normalised = normalise(picture.pixels)
    return picture, normalised


# --- from a picture to a digit ----------------------------------------------------------------


class _Paper(NamedTuple):
    """How ink was told from paper."""

    weights: ChannelWeights
    ink_is_dark: bool
    light: float | Pixels


def _normalise_shrunk(picture: Pixels, factor: int) -> Normalised:
    """Search a picture for strokes where it is shrunk by a factor; bring them to MNIST's form."""
    searched = shrink(picture, factor)
    weights = channel_weights(searched)
    gray = weigh_channels(searched, weights)
    dark = ink_is_dark(gray)
    paper = gray if dark else 255 - gray
    steps: Steps = (("picture", picture), ("grey", gray), ("dark on light", paper))
    image = 255 - paper
    if is_mnist_form(image):
        return Normalised(image, "", (*steps, ("seen", image)), BOX)
    light = paper_light(paper)
    ink = ink_under(light, paper)
    digit, trouble, found = _find_digit(ink)
    steps = (*steps, ("flattened", ink), *found)
    if not digit.any():
        nothing = np.zeros((SIDE, SIDE), np.uint8)
        return Normalised(nothing, trouble, (*steps, ("seen", nothing)), 0)
    extent = longer_side(digit)
    if factor > 1 and extent < REDRAWN:
        ink, digit = _cut_finer(picture, _Paper(weights, dark, light), digit, factor)
    image, doubt, formed = _form(ink, digit)
    steps = (*steps, *formed)
    if not image.any():  # as of a picture that is hardly wider than a pixel
        return Normalised(image, BLANK, steps, 0)
    return Normalised(image, trouble or doubt, steps, extent * factor)


def _find_digit(ink: Pixels) -> tuple[Pixels, str, Steps]:
    """Return the digit's mask, (h, w), why it is hardly one digit, and the steps to it."""
    marks = find_marks(ink)
    inner = without_edges(ink, marks)
    free = without_lines(inner)
    marks = marks if free is ink else find_marks(free)
    chosen, trouble = choose_marks(free, marks)
    digit = marks.mask(chosen)
    steps = (("edges dropped", inner), ("lines dropped", free), ("digit", 255 * digit))
    return digit, trouble, steps


def _cut_finer(picture: Pixels, paper: _Paper, digit: Pixels, factor: int) -> tuple[Pixels, Pixels]:
    """Cut a small digit's ink and mask out of the picture before it was shrunk by a factor."""
    rows, columns = padded_box(digit)
    top, bottom = rows.start * factor, rows.stop * factor
    left, right = columns.start * factor, columns.stop * factor
    gray = weigh_channels(picture[top:bottom, left:right], paper.weights)
    gray = resize(gray, BOX * FINE / longer_side(digit) / factor)
    size = gray.shape[::-1]
    light = paper.light
    if not isinstance(light, float):
        light = as_pixels(cv2.resize(light[rows, columns], size, interpolation=cv2.INTER_LINEAR))
    mask = cv2.resize(digit[rows, columns], size, interpolation=cv2.INTER_NEAREST)
    return ink_under(light, gray if paper.ink_is_dark else 255 - gray), as_pixels(mask)


def _form(ink: Pixels, digit: Pixels) -> tuple[Pixels, str, Steps]:
    """Return the digit in MNIST's form, why it is hardly a digit, and the steps to it."""
    strokes = enlarge(ink, digit)
    width = stroke_width(strokes)
    even = even_strokes(strokes, width)
    image = fit_box(even)
    doubt = why_no_digit(strokes, width) if image.any() else ""
    return image, doubt, (("enlarged", strokes), ("stroke width", even), ("seen", image))


# --- pictures enlarged by repeating pixels ------------------------------------------------------


def _without_repeated_pixels(picture: Pixels) -> Pixels:
    """Bring a small picture that was enlarged by repeating its pixels back to its own size.

    The steps at the borders of such pixels are not the pen's.
    """
    height, width = picture.shape[:2]
    # A few lines of one channel tell nearly all other pictures apart.
    tone = picture if picture.ndim == 2 else picture[..., 1]
    side = math.gcd(_repetition(tone[:: max(1, height // 8)]), height, width)
    if side > 1:
        side = math.gcd(side, _repetition(tone[:, :: max(1, width // 8)].T))
    if side > 1:
        channels = [picture] if picture.ndim == 2 else cv2.split(picture)
        ways = [as_pixels(way) for channel in channels for way in (channel, channel.T)]
        side = math.gcd(side, *map(_repetition, ways))
    return np.ascontiguousarray(picture[::side, ::side]) if side > 1 else picture


def _repetition(lines: Pixels) -> int:
    """Return the common divisor of the columns where any line changes; 0 if none does."""
    changes = (lines[:, 1:] != lines[:, :-1]).any(axis=0)
    if (changes[1:] & changes[:-1]).any():
        return 1
    return math.gcd(*(changes.nonzero()[0] + 1).tolist())
