"""Normalise people's pictures of a digit to MNIST's form: pure functions on arrays.

MNIST's digits are light on black, fitted to a 20 x 20 box keeping their shape, and centred by mass
in 28 x 28 (Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998).
`normalise` removes, step by visible step, what people's pictures have besides: colour, dark ink on
light paper, shadows, squared paper, frames, specks, and pens of any width.

Lengths are relative to the picture wherever they can be, so that its size does not matter.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.background import whole_readings
from pipeline.digits.preprocessing.decoding import FULL_SIDE, QUICK_SIDE, Picture
from pipeline.digits.preprocessing.form import (
    FINE,
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
from pipeline.digits.splits import BOX, SIDE
from pipeline.system.arrays import Pixels

# Longer sides, in pixels.
SEARCHED = 128  # a picture is shrunk to this, within a factor of √2, to search it for strokes
REDRAWN = 3 * BOX  # a digit that is smaller than this there is cut out of the original picture
CLEAR = 2 * BOX  # for a digit of at least this size, decoding at a finer scale adds nothing

# Name and array of each step, in order.
Steps = tuple[tuple[str, NDArray[np.generic]], ...]


@dataclass(frozen=True)
class Normalised:
    """A picture brought to MNIST's form.

    Attributes:
        image: uint8 (28, 28), light digit on black; all black if no digit was found.
        trouble: Why this is probably not one digit, in one line; empty if it may be.
        steps: Every step; the last one is `image`.
        extent: The digit's longer side, in pixels of the original picture (before it was enlarged,
            if that was done by repeating pixels); 0 without a digit.
        whole: Other readings of a picture of the network's own size, uint8 (28, 28) each: nothing
            in them was cut out or moved.
    """

    image: Pixels
    trouble: str
    steps: Steps
    extent: int
    whole: tuple[Pixels, ...] = ()


def normalise(picture: Pixels) -> Normalised:
    """Convert a picture of one handwritten digit to MNIST's form.

    Args:
        picture: uint8, (h, w) grey or (h, w, 3) RGB, opaque, any size from 1 x 1.
    """
    if is_mnist_form(picture):
        return Normalised(picture, "", (("picture", picture), ("seen", picture)), BOX)
    picture = _without_repeated_pixels(picture)
    # A power of two: OpenCV averages by such factors three times as fast as by others.
    factor: int = 2 ** max(0, round(math.log2(max(picture.shape[:2]) / SEARCHED)))
    found = _normalise_shrunk(picture, factor)
    if factor > 1 and not found.extent:
        return _normalise_shrunk(picture, factor // 2)  # thin strokes are less faint there
    if picture.shape[:2] == (SIDE, SIDE) and len(found.steps) > 3:
        gray = 255 - as_pixels(dict(found.steps)["dark on light"])
        return replace(found, whole=whole_readings(gray, in_doubt=bool(found.trouble)))
    return found


def decode_and_normalise(decode: Callable[[int], Picture]) -> tuple[Picture, Normalised]:
    """Decode a picture and convert its digit to MNIST's form.

    Decoding a JPEG at half its size takes a quarter less time, which is enough for most digits; if
    the digit is small, the picture is decoded again.

    Args:
        decode: Decodes the picture; its argument is the `min_side` of `read_picture`.

    Raises:
        PictureError: What `decode` raises.
    """
    picture = decode(QUICK_SIDE)
    normalised = normalise(picture.pixels)
    if picture.has_more and normalised.extent < CLEAR:
        picture = decode(FULL_SIDE)
        normalised = normalise(picture.pixels)
    return picture, normalised


# --- from a picture to a digit ----------------------------------------------------------------


class _Paper(NamedTuple):
    """How ink was separated from paper."""

    weights: ChannelWeights
    ink_is_dark: bool
    light: float | Pixels


def _normalise_shrunk(picture: Pixels, factor: int) -> Normalised:
    """Search a picture for strokes after shrinking it; convert them to MNIST's form."""
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
    extent = longer_side(digit)
    if not extent:
        nothing = np.zeros((SIDE, SIDE), np.uint8)
        return Normalised(nothing, trouble, (*steps, ("seen", nothing)), 0)
    if factor > 1 and extent < REDRAWN:
        ink, digit = _cut_finer(picture, _Paper(weights, dark, light), digit, factor)
    image, doubt, formed = _form(ink, digit)
    steps = (*steps, *formed)
    if not image.any():  # such as for a picture hardly wider than a pixel
        return Normalised(image, BLANK, steps, 0)
    return Normalised(image, trouble or doubt, steps, extent * factor)


def _find_digit(ink: Pixels) -> tuple[Pixels, str, Steps]:
    """Return the digit's mask, (h, w), why it is probably not one digit, and the steps to it."""
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
    """Return the digit in MNIST's form, why it is probably no digit, and the steps to it."""
    strokes = enlarge(ink, digit)
    width = stroke_width(strokes)
    even = even_strokes(strokes, width)
    image = fit_box(even)
    doubt = why_no_digit(strokes, width) if image.any() else ""
    return image, doubt, (("enlarged", strokes), ("stroke width", even), ("seen", image))


# --- pictures enlarged by repeating pixels ------------------------------------------------------


def _without_repeated_pixels(picture: Pixels) -> Pixels:
    """Reduce a small picture that was enlarged by repeating its pixels to its original size.

    Otherwise the edges of these pixels would look like the pen's.
    """
    height, width = picture.shape[:2]
    # For nearly all other pictures, a few lines of one channel rule this out.
    tone = picture if picture.ndim == 2 else picture[..., 1]
    side = math.gcd(_repetition(tone[:: max(1, height // 8)]), height, width)
    if side > 1:
        side = math.gcd(side, _repetition(tone[:, :: max(1, width // 8)].T))
    if side > 1:
        channels = [picture] if picture.ndim == 2 else cv2.split(picture)
        both = [as_pixels(lines) for channel in channels for lines in (channel, channel.T)]
        side = math.gcd(side, *map(_repetition, both))
    return np.ascontiguousarray(picture[::side, ::side]) if side > 1 else picture


def _repetition(lines: Pixels) -> int:
    """Return the common divisor of the columns where any line changes; 0 if none does."""
    changes = (lines[:, 1:] != lines[:, :-1]).any(axis=0)
    if (changes[1:] & changes[:-1]).any():
        return 1
    return math.gcd(*(changes.nonzero()[0] + 1).tolist())
