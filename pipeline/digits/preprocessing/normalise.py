"""Normalise people's pictures of a digit to MNIST's form: pure functions on arrays.

MNIST's digits are light on black, fitted to a 20 x 20 box keeping their shape, and centred by mass
in 28 x 28 (Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998).
`normalise` removes, step by visible step, what people's pictures have besides: colour, dark ink on
light paper, shadows, squared paper, frames, specks, and pens of any width.

Lengths are relative to the picture wherever they can be, so that its size does not matter.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.background import whole_readings
from pipeline.digits.preprocessing.candidates import (
    Candidate,
    cut_page,
    filled,
    find_pages,
    is_plain,
    other_marks,
)
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
    channel_weights,
    ink_is_dark,
    ink_under,
    main_tone,
    paper_light,
    shaded_light,
    weigh_channels,
    weights_against_colour,
)
from pipeline.digits.preprocessing.marks import (
    BLANK,
    Marks,
    choose_marks,
    components,
    find_marks,
    without_edges,
    without_lines,
)
from pipeline.digits.preprocessing.pixels import (
    as_pixels,
    longer_side,
    resize,
    shrink,
    without_repeated_pixels,
)
from pipeline.digits.splits import BOX, SIDE
from pipeline.system.arrays import Pixels

# Longer sides, in pixels.
SEARCHED = 128  # a picture is shrunk to this, within a factor of √2, to search it for strokes
REDRAWN = 3 * BOX  # a digit that is smaller than this there is cut out of the original picture
CLEAR = 2 * BOX  # for a digit of at least this size, decoding at a finer scale adds nothing

USUAL = "usual"
MUCH_INK = 0.15  # of the picture: more may be a shadow, or paper that was taken for ink

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
        way: How the digit was found: "usual", or which candidate it is.
        size: The digit's longer side, as a share of the picture's.
        offset: Distance of its middle from that of the picture, as a share of the sides.
        parts: How many marks it consists of.
        foreign: Share of the ink within its box that is not its own, 0..1.
    """

    image: Pixels
    trouble: str
    steps: Steps
    extent: int
    way: str = USUAL
    size: float = 1.0
    offset: float = 0.0
    parts: int = 1
    foreign: float = 0.0


def normalise(picture: Pixels) -> Normalised:
    """Convert a picture of one handwritten digit to MNIST's form, in the usual way.

    Args:
        picture: uint8, (h, w) grey or (h, w, 3) RGB, opaque, any size from 1 x 1.
    """
    return readings(picture)[0]


def readings(picture: Pixels) -> list[Normalised]:
    """Convert a picture of one digit to MNIST's form, in several ways if there is room for doubt.

    Args:
        picture: As for `normalise`.

    Returns:
        The usual way first; then those that found something else, no two alike.
    """
    if is_mnist_form(picture):
        return [Normalised(picture, "", (("picture", picture), ("seen", picture)), BOX)]
    picture = without_repeated_pixels(picture)
    factor = _searched_factor(picture)
    found = list(_readings_shrunk(picture, factor))
    if factor > 1 and not found[0].extent:
        found = list(_readings_shrunk(picture, factor // 2))  # thin strokes are less faint there
    different = {each.image.tobytes(): each for each in reversed(found) if each.extent}
    different.pop(found[0].image.tobytes(), None)
    return [found[0], *reversed(different.values()), *_as_a_whole(picture, found[0])]


def _as_a_whole(picture: Pixels, usual: Normalised) -> Iterator[Normalised]:
    """Read a picture of the network's own size as a whole if nothing speaks against it."""
    steps = dict(usual.steps)
    if picture.shape[:2] != (SIDE, SIDE) or "flattened" not in steps:
        return
    gray = 255 - as_pixels(steps["dark on light"])
    for image in whole_readings(gray, in_doubt=bool(usual.trouble)):
        yield Normalised(image, "", (*usual.steps[:3], ("seen", image)), BOX, way="whole")


def decode_and_normalise(
    decode: Callable[[int], Picture],
) -> tuple[Picture, list[Normalised]]:
    """Decode a picture and convert its digit to MNIST's form, as `readings` does.

    Decoding a JPEG at half its size takes a quarter less time, which is enough for most digits; if
    the digit is small, the picture is decoded again.

    Args:
        decode: Decodes the picture; its argument is the `min_side` of `read_picture`.

    Raises:
        PictureError: What `decode` raises.
    """
    picture = decode(QUICK_SIDE)
    found = readings(picture.pixels)
    if picture.has_more and found[0].extent < CLEAR:
        picture = decode(FULL_SIDE)
        found = readings(picture.pixels)
    return picture, found


# --- from a picture to a digit ----------------------------------------------------------------


@dataclass(frozen=True)
class _Paper:
    """How ink is separated from paper.

    Attributes:
        way: As in `Normalised`.
        gray: Converts a picture, or a part of it, to grey, uint8 (h, w).
        ink_is_dark: Whether ink is dark on light paper.
        light: As `paper_light` returns it.
    """

    way: str
    gray: Callable[[Pixels], Pixels]
    ink_is_dark: bool
    light: float | Pixels

    def dark_on_light(self, picture: Pixels) -> Pixels:
        """Return a picture, or a part of it, in grey, with dark ink."""
        gray = self.gray(picture)
        return gray if self.ink_is_dark else 255 - gray


def _searched_factor(picture: Pixels) -> int:
    # A power of two: OpenCV averages by such factors three times as fast as by others.
    return int(2 ** max(0, round(math.log2(max(picture.shape[:2]) / SEARCHED))))


def _readings_shrunk(picture: Pixels, factor: int) -> Iterator[Normalised]:
    """Search a picture for strokes after shrinking it; convert them to MNIST's form."""
    searched = shrink(picture, factor)
    weigh = partial(weigh_channels, weights=channel_weights(searched))
    gray = weigh(searched)
    dark = ink_is_dark(gray)
    image = gray if not dark else 255 - gray
    steps: Steps = (("picture", picture), ("grey", gray), ("dark on light", 255 - image))
    if is_mnist_form(image):
        yield Normalised(image, "", (*steps, ("seen", image)), BOX)
        return
    usual = _Paper(USUAL, weigh, dark, paper_light(255 - image))
    ink = ink_under(usual.light, 255 - image)
    (first, marks, free, kept), found = _find_digit(ink)
    steps = (*steps, ("flattened", ink), *found)
    yield _formed(picture, usual, first, factor, steps)
    plain = not first.trouble and free is ink and is_plain(marks, first.digit)
    for other in filled(first) if plain else other_marks(ink, marks, first, kept):
        yield _formed(picture, usual, other, factor, steps[:4])
    if plain:
        return
    yield from _other_papers(picture, searched, usual, first, factor)
    for page in find_pages(searched):
        part = cut_page(picture, page)
        inner = next(_readings_shrunk(part, _searched_factor(part)))
        yield replace(inner, way="page")


def _other_papers(
    picture: Pixels, searched: Pixels, usual: _Paper, first: Candidate, factor: int
) -> Iterator[Normalised]:
    """Read a picture with other ideas of its paper: shaded, the other tone, another colour."""
    for paper in _papers(searched, usual, first):
        dark_on_light = paper.dark_on_light(searched)
        ink = ink_under(paper.light, dark_on_light)
        (candidate, *_), found = _find_digit(ink)
        steps = (("picture", picture), ("dark on light", dark_on_light), ("flattened", ink), *found)
        yield _formed(picture, paper, candidate, factor, steps)


def _papers(searched: Pixels, usual: _Paper, first: Candidate) -> Iterator[_Paper]:
    digit = first.digit
    ends = np.concatenate([digit[0], digit[-1], digit[:, 0], digit[:, -1]])
    if first.trouble or digit.mean() > MUCH_INK or ends.any():
        paper = usual.dark_on_light(searched)
        if isinstance(usual.light, float):
            yield replace(usual, way="shaded", light=shaded_light(paper, FULL_SIDE))
        inverted = replace(usual, ink_is_dark=not usual.ink_is_dark)
        yield replace(inverted, way="inverted", light=main_tone(255 - paper))
        yield replace(inverted, way="inverted, shaded", light=shaded_light(255 - paper, FULL_SIDE))
    weights = weights_against_colour(searched) if usual.ink_is_dark else None
    if weights is not None:
        gray = partial(weigh_channels, weights=weights)
        yield _Paper("colour taken out", gray, True, paper_light(gray(searched)))


def _find_digit(ink: Pixels) -> tuple[tuple[Candidate, Marks, Pixels, Marks], Steps]:
    """Find the digit in the usual way.

    Returns:
        The digit, the marks of all ink, the ink without edges and lines, the marks of that; and the
        steps to it.
    """
    marks = find_marks(ink)
    inner = without_edges(ink, marks)
    free = without_lines(inner)
    kept = marks if free is ink else find_marks(free)
    chosen, trouble = choose_marks(free, kept)
    digit = kept.mask(chosen)
    steps = (("edges dropped", inner), ("lines dropped", free), ("digit", 255 * digit))
    return (Candidate(USUAL, digit, ink, trouble), marks, free, kept), steps


def _formed(
    picture: Pixels, paper: _Paper, found: Candidate, factor: int, steps: Steps
) -> Normalised:
    """Bring a candidate to MNIST's form."""
    way = paper.way if found.way == USUAL else found.way
    ink, digit = found.ink, found.digit
    extent = longer_side(digit)
    if not extent:
        nothing = np.zeros((SIDE, SIDE), np.uint8)
        return Normalised(nothing, found.trouble, (*steps, ("seen", nothing)), 0, way)
    height, width = digit.shape
    x, y, w, h = cv2.boundingRect(digit)
    offset = math.hypot((x + w / 2) / width - 0.5, (y + h / 2) / height - 0.5)
    parts = len(components(digit)[1]) - 1
    own = cv2.sumElems(ink * digit)[0]
    foreign = 1 - own / max(1.0, cv2.sumElems(ink[y : y + h, x : x + w])[0])
    if factor > 1 and extent < REDRAWN and found.way not in ("blurred", "filled"):
        ink, digit = _cut_finer(picture, paper, digit, factor)
    image, doubt, formed = _form(ink, digit)
    steps = (*steps, *formed)
    if not image.any():  # such as for a picture hardly wider than a pixel
        return Normalised(image, BLANK, steps, 0, way)
    return Normalised(
        image,
        found.trouble or doubt,
        steps,
        extent * factor,
        way,
        extent / max(height, width),
        offset,
        parts,
        foreign,
    )


def _cut_finer(picture: Pixels, paper: _Paper, digit: Pixels, factor: int) -> tuple[Pixels, Pixels]:
    """Cut a small digit's ink and mask out of the picture before it was shrunk by a factor."""
    rows, columns = padded_box(digit)
    top, bottom = rows.start * factor, rows.stop * factor
    left, right = columns.start * factor, columns.stop * factor
    part = paper.dark_on_light(picture[top:bottom, left:right])
    part = resize(part, BOX * FINE / longer_side(digit) / factor)
    size = part.shape[::-1]
    light = paper.light
    if not isinstance(light, float):
        light = as_pixels(cv2.resize(light[rows, columns], size, interpolation=cv2.INTER_LINEAR))
    mask = cv2.resize(digit[rows, columns], size, interpolation=cv2.INTER_NEAREST)
    return ink_under(light, part), as_pixels(mask)


def _form(ink: Pixels, digit: Pixels) -> tuple[Pixels, str, Steps]:
    """Return the digit in MNIST's form, why it is probably no digit, and the steps to it."""
    strokes = enlarge(ink, digit)
    width = stroke_width(strokes)
    even = even_strokes(strokes, width)
    image = fit_box(even)
    doubt = why_no_digit(strokes, width) if image.any() else ""
    return image, doubt, (("enlarged", strokes), ("stroke width", even), ("seen", image))
