"""Find what else in a picture may be the digit, where the usual way to read it leaves doubt.

Each candidate is a guess, and most are wrong: whoever knows how sure a network is of each chooses
between them (`recognition.choosing`). So nothing here has to recognise a circle, an underline, a
form's box, a note on a desk or a dotted pen: the digit inside, above or on it is one of the marks.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.ink import COARSE
from pipeline.digits.preprocessing.marks import (
    SEVERAL,
    Marks,
    choose_marks,
    find_marks,
    gaps,
)
from pipeline.digits.preprocessing.pixels import (
    as_pixels,
    longer_side,
    otsu_threshold,
    shrink_to,
)
from pipeline.system.arrays import Pixels

MOST_MARKS = 4  # largest ones, each of which may be the digit
BLURS = (0.03, 0.05)  # standard deviation / size of the digit
SMALLEST_PAGE, LARGEST_PAGE = 0.05, 0.8  # of the picture's area
BORDER = 0.15  # of the side: how deep inside the picture a line may be that the digit touches


class Candidate(NamedTuple):
    """What may be the digit.

    Attributes:
        way: How it was found.
        digit: uint8 (h, w), 1 on its strokes, else 0.
        ink: uint8 (h, w), the ink that its strokes are cut out of.
        trouble: Why it is probably not one digit; empty if it may be.
    """

    way: str
    digit: Pixels
    ink: Pixels
    trouble: str


def is_plain(marks: Marks, digit: Pixels) -> bool:
    """Return whether there is nothing else to consider: one large mark, not solid, not cut off."""
    size = marks.boxes[:, 2:4].max(axis=1, initial=0)
    single = (size > 0.25 * size.max(initial=0)).sum() == 1
    inked = cv2.countNonZero(digit)
    _, _, w, h = cv2.boundingRect(digit)
    solid = inked > 0.65 * w * h and min(w, h) > 0.5 * max(w, h)
    return bool(single and not solid and inked == cv2.countNonZero(digit[1:-1, 1:-1]))


def other_marks(ink: Pixels, marks: Marks, first: Candidate, kept: Marks) -> Iterator[Candidate]:
    """Yield what else may be the digit on the same paper.

    Args:
        ink: uint8 (h, w), all ink.
        marks: Its marks.
        first: The digit, found in the usual way.
        kept: The marks without edges and ruled lines.
    """
    yield from _single_marks(ink, marks)
    yield from _fainter(ink, marks)
    yield from _blurred(kept)
    yield from filled(first)
    yield from _without_border_lines(ink, marks)


def _single_marks(ink: Pixels, marks: Marks) -> Iterator[Candidate]:
    """Yield each of the largest marks, with what is close to it and small beside it."""
    _, _, w, h, area = marks.boxes.T
    size = np.maximum(w, h)
    for main in np.argsort(-size)[:MOST_MARKS]:
        if size[main] < 0.1 * max(ink.shape):
            return
        near = gaps(marks.boxes, main) < 0.15 * size[main]
        chosen = near & (size < 0.35 * size[main]) & (area > 0.02 * area[main])
        chosen[main] = True
        yield Candidate("one mark", marks.mask(chosen), ink, _trouble(marks, main))


def _trouble(marks: Marks, main: int) -> str:
    """Say if other marks may be digits beside one: as high, not around it, not cut off."""
    height, width = marks.labels.shape
    x, y, w, h, _ = marks.boxes.T
    around = (x <= x[main]) & (y <= y[main]) & (x + w >= (x + w)[main]) & (y + h >= (y + h)[main])
    cut_off = (x == 0) | (y == 0) | (x + w == width) | (y + h == height)
    return SEVERAL if ((h > 0.5 * h[main]) & ~around & ~cut_off).any() else ""


def _fainter(ink: Pixels, marks: Marks) -> Iterator[Candidate]:
    """Yield what stands out once all marks are taken away, such as pencil beside black holes."""
    taken = cv2.dilate((marks.labels > 0).astype(np.uint8), np.ones((5, 5), np.uint8))
    rest = np.where(taken > 0, np.uint8(0), ink)
    fainter = find_marks(rest)
    chosen, trouble = choose_marks(rest, fainter)
    yield Candidate("fainter", fainter.mask(chosen), rest, trouble)


def _blurred(marks: Marks) -> Iterator[Candidate]:
    """Yield the marks blurred, so that dotted, dashed and hollow strokes become whole."""
    whole = 255 * (marks.labels > 0).astype(np.uint8)
    size = longer_side(whole)
    for share in BLURS if size else ():
        soft = as_pixels(cv2.GaussianBlur(whole, (0, 0), share * size))
        blurred = find_marks(soft)
        if not len(blurred.boxes):
            return
        main = int(blurred.boxes[:, 4].argmax())
        digit = (blurred.labels == 1 + main).astype(np.uint8)
        yield Candidate("blurred", digit, soft * digit, _trouble(blurred, main))


def filled(found: Candidate) -> Iterator[Candidate]:
    """Yield strokes drawn as outlines, filled: what lies inside one outline, but not inside two."""
    digit = found.digit
    if max(digit.shape) <= COARSE:
        return  # no room for outlines
    outlines, family = cv2.findContours(digit, cv2.RETR_TREE, cv2.CHAIN_APPROX_NONE)
    solid = digit.copy()
    depths: list[int] = []
    for number, (_, _, _, parent) in enumerate(family[0] if len(outlines) else ()):
        depths.append(depths[parent] + 1 if parent >= 0 else 0)
        if depths[-1] % 2:  # a hole
            cv2.drawContours(solid, outlines, number, [depths[-1] % 4 == 1], cv2.FILLED)
    solid |= digit
    if cv2.countNonZero(solid) > 1.3 * cv2.countNonZero(digit):
        yield Candidate("filled", solid, 255 * solid, found.trouble)


def _without_border_lines(ink: Pixels, marks: Marks) -> Iterator[Candidate]:
    """Yield what remains without straight lines at the border, even if the digit touches them."""
    inked = marks.labels > 0
    rows, columns = (_border_lines(inked.mean(axis=axis)) for axis in (1, 0))
    if rows.any() or columns.any():
        rest = np.where(rows[:, None] | columns, np.uint8(0), ink)
        inner = find_marks(rest)
        chosen, trouble = choose_marks(rest, inner)
        yield Candidate("unlined", inner.mask(chosen), rest, trouble)


def _border_lines(inked: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which rows (or columns) are of a line at the border, from their shares of ink."""
    lines = inked > 0.9
    depth = int(BORDER * len(lines))
    lines[depth : len(lines) - depth] = False
    return cv2.dilate(lines.astype(np.uint8), np.ones((3, 1), np.uint8)).ravel() > 0


# --- pages --------------------------------------------------------------------------------------


def find_pages(picture: Pixels) -> Iterator[Pixels]:
    """Yield masks, uint8 (h, w), of sheets, notes and cards within a small picture."""
    coarse = shrink_to(picture, COARSE)
    if min(coarse.shape[:2]) < COARSE // 3:
        return
    channels = [coarse]
    if coarse.ndim == 3:
        red, green, blue = cv2.split(coarse)
        least, most = cv2.min(cv2.min(red, green), blue), cv2.max(cv2.max(red, green), blue)
        channels = [as_pixels(each) for each in (red, green, blue, cv2.subtract(most, least))]
    found: list[Pixels] = []
    for channel in channels:
        _, light = otsu_threshold(as_pixels(cv2.GaussianBlur(channel, (3, 3), 0)))
        for side in (light, 1 - light):
            for page in _rectangles(side):
                if not any(_overlap(page, other) > 0.8 for other in found):
                    found.append(page)
                    yield as_pixels(
                        cv2.resize(page, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST)
                    )


def _rectangles(mask: Pixels) -> Iterator[Pixels]:
    """Yield the areas of a mask that nearly fill a rectangle, whatever lies on them."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for outline in outlines:
        area = cv2.contourArea(outline)
        sides = cv2.minAreaRect(outline)[1]
        upright = min(sides) >= max(8, 0.4 * max(sides))
        full = area > 0.85 * sides[0] * sides[1]
        if upright and full and SMALLEST_PAGE < area / mask.size < LARGEST_PAGE:
            page = np.zeros_like(mask)
            cv2.fillConvexPoly(page, cv2.convexHull(outline), [1])
            yield as_pixels(cv2.erode(page, np.ones((3, 3), np.uint8), borderValue=0))


def _overlap(one: Pixels, other: Pixels) -> float:
    return cv2.countNonZero(one & other) / max(1, cv2.countNonZero(one | other))


def cut_page(picture: Pixels, page: Pixels) -> Pixels:
    """Cut a page out; what is around it within its box gets its median colour.

    Args:
        picture: uint8, (h, w) or (h, w, 3).
        page: uint8 of any size, 1 on the page, else 0.
    """
    scale = picture.shape[0] / page.shape[0]
    left, top, width, height = cv2.boundingRect(page)
    x, y, w, h = (round(scale * length) for length in (left, top, width, height))
    cut = picture[y : y + h, x : x + w].copy()
    inside = page[top : top + height, left : left + width]
    outside = cv2.resize(inside, cut.shape[1::-1], interpolation=cv2.INTER_NEAREST) == 0
    cut[outside] = np.median(cut[~outside], axis=0)
    return cut
