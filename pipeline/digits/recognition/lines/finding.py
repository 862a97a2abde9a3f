"""Where the lines of a picture are: bands of it, which are cut out at their full width.

Nothing is judged here but where ink lies. What a mark is, the network says.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.ink import flatten, ink_is_dark, to_gray
from pipeline.digits.preprocessing.marks import FAINTEST, find_marks, without_lines
from pipeline.system.arrays import Pixels

Boxes = NDArray[np.int32]  # (n, 5): x, y, width, height, area in pixels

MOST_MARKS = 300  # a page of print or of noise is not searched for ever
SEVERAL = 3  # marks beside each other that are hardly specks
SPECK = 0.2  # of the usual height: what is smaller, both ways, is no digit
LOWEST = 0.45  # of the usual height: what is lower opens no line
SHARED = 0.5  # of the lower one's height that two marks beside each other share
NEAREST = 0.75  # heights from one line to the next, at least
MINOR = 0.45  # of the highest line's height: lower lines are of something else
MARGINAL, UPRIGHT = 0.06, 0.3  # shares of the picture's width and height
INPAINTED = 3.0  # pixels around a mark whose paper is painted over it
NARROW = 0.2  # width by height of the side of a frame, at most
ELONGATED = 5.0  # width by height of a rule or a dash
LONG = 3.0  # usual heights that a line is long whose rise can be told
STEEPEST = 0.25  # pixels down per pixel across
RULE, SHORTEST_RULE = 0.3, 20  # a rule's length: a share of the picture's width; in pixels
THICKEST = 0.08  # of the picture's height: a rule's thickness
CROSSED = 2  # pixels: what goes on that far above and below a rule crosses it


@dataclass(frozen=True)
class Line:
    """A line of ink.

    Attributes:
        middle: Where it crosses the left edge of the picture, in pixels from the top.
        rise: Pixels down per pixel across.
        height: Of its digits, usually, in pixels.
        boxes: Of its marks that are as high as digits, int32 (n, 5), from left to right.
    """

    middle: float
    rise: float
    height: float
    boxes: Boxes


@dataclass(frozen=True)
class Page:
    """A picture whose lines are found.

    Attributes:
        gray: uint8 (h, w), dark ink on light paper.
        inked: uint8 (h, w), 1 where there is ink, 0 elsewhere.
        lines: From top to bottom.
        trouble: Why it can hardly be read; empty if nothing speaks against it.
    """

    gray: Pixels
    inked: Pixels
    lines: tuple[Line, ...]
    trouble: str


def find_lines(picture: Pixels) -> Page:
    """Find the lines of a picture.

    Args:
        picture: uint8, (h, w) grey or (h, w, 3) RGB, of either polarity.
    """
    gray = to_gray(picture)
    paper = gray if ink_is_dark(gray) else 255 - gray
    flat = flatten(paper)
    unlined = without_lines(flat)
    ink = _without_rules(unlined)
    marks = find_marks(ink)
    sides = _are_sides(marks.boxes, ink.shape)
    boxes = marks.boxes[_may_be_digits(marks.boxes) & ~sides]
    if marks.contrast < FAINTEST:
        boxes = boxes[:0]
    lines = [_line(group) for group in _groups(boxes[np.argsort(-boxes[:, 4])][:MOST_MARKS])]
    highest = max((line.height for line in lines), default=0.0)
    kept = [line for line in lines if line.height >= MINOR * highest]
    ordered = sorted(kept, key=lambda line: line.middle + line.rise * paper.shape[1] / 2)
    frame = _upright(cv2.absdiff(flat, unlined)) | marks.mask(sides)
    inked = (marks.labels > 0).astype(np.uint8)
    trouble = _trouble(len(boxes), lines, kept)
    return Page(_painted_over(paper, frame), inked, tuple(ordered), trouble)


def _trouble(marks: int, lines: Sequence[Line], kept: Sequence[Line]) -> str:
    if not kept:
        return "blank: no line of ink"
    if marks > MOST_MARKS:
        return f"too much for one picture; marks left out: {marks - MOST_MARKS}"
    if any(len(line.boxes) >= SEVERAL for line in lines if line not in kept):
        return "ink that is far lower than the rest is left out"
    return ""


def _without_rules(ink: Pixels) -> Pixels:
    """Take thin level strokes away that are longer than a digit's, but not what crosses them."""
    mask = (find_marks(ink).labels > 0).astype(np.uint8)
    length = max(SHORTEST_RULE, round(RULE * ink.shape[1]))
    level = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    if not level.any():
        return ink
    # Along a rule that leans a little, the runs of its lines of pixels are joined.
    joined = cv2.morphologyEx(level, cv2.MORPH_CLOSE, np.ones((3, length), np.uint8))
    thick = cv2.morphologyEx(
        joined, cv2.MORPH_OPEN, np.ones((max(4, round(THICKEST * ink.shape[0])), 1), np.uint8)
    )
    rules = cv2.dilate(cv2.subtract(joined, thick), np.ones((3, 1), np.uint8)) > 0
    others = ((mask > 0) & ~rules).astype(np.uint8)
    reach = max(CROSSED, round(THICKEST * ink.shape[0]))
    one_way = np.concatenate([np.zeros(reach, np.uint8), np.ones(reach + 1, np.uint8)])[:, None]
    above, below = (cv2.dilate(others, way) > 0 for way in (one_way[::-1].copy(), one_way))
    return np.where(rules & ~(above & below), np.uint8(0), ink)


def _may_be_digits(boxes: Boxes) -> NDArray[np.bool_]:
    """Say which marks may be digits or parts of some: neither specks nor level strokes."""
    widths, heights, areas = boxes[:, 2], boxes[:, 3], boxes[:, 4]
    order = np.argsort(heights)
    heaped = np.cumsum(areas[order])
    half = np.searchsorted(heaped, heaped[-1] / 2) if len(heaped) else 0
    usual = heights[order[half : half + 1]]  # half of the ink is lower
    large = boxes[:, 2:4].max(axis=1) >= SPECK * usual
    level = (widths > ELONGATED * heights) & (heights < usual / 2)
    chosen: NDArray[np.bool_] = large & (areas >= 4) & ~level
    return chosen


def _are_sides(boxes: Boxes, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Say which marks are sides of a frame: upright, and along the border or across the picture."""
    rights, bottoms = boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]
    along = (boxes[:, 0] <= 1) | (rights >= shape[1] - 1)
    across = (boxes[:, 1] <= 1) & (bottoms >= shape[0] - 1)
    sides: NDArray[np.bool_] = (boxes[:, 2] < NARROW * boxes[:, 3]) & (along | across)
    return sides


def _upright(lines: cv2.typing.MatLike) -> Pixels:
    """Mark upright lines near the left and the right border, among those that were dropped.

    The network might take them for ones.
    """
    height, width = lines.shape
    dark = (lines > 0).astype(np.uint8)
    dark[:, round(MARGINAL * width) : width - round(MARGINAL * width)] = 0
    run = np.ones((max(3, round(UPRIGHT * height)), 1), np.uint8)
    return cv2.morphologyEx(dark, cv2.MORPH_OPEN, run).astype(np.uint8, copy=False)


def _painted_over(gray: Pixels, mask: Pixels) -> Pixels:
    """Paint paper over marks, uint8 (h, w), as light as it is around them."""
    if not mask.any():
        return gray
    wide = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    painted = cv2.inpaint(gray, wide, INPAINTED, cv2.INPAINT_TELEA)
    return painted.astype(np.uint8, copy=False)


def _groups(boxes: Boxes) -> list[Boxes]:
    """Group marks as high as digits into lines; each goes with its nearest neighbour."""
    if not len(boxes):
        return []
    usual = _usual_height(boxes)
    lines: list[list[NDArray[np.int32]]] = []
    for box in boxes[np.argsort(boxes[:, 0], kind="stable")]:
        if box[3] >= LOWEST * usual:
            beside = [line for line in lines if _shared(line[-1], box) >= SHARED]
            if beside:
                max(beside, key=lambda line: line[-1][0] + line[-1][2]).append(box)
            else:
                lines.append([box])
    return _merged([np.stack(line) for line in lines])


def _merged(lines: list[Boxes]) -> list[Boxes]:
    """Make one line of those that are too near each other to be two."""
    ordered = sorted(lines, key=lambda line: float(np.mean(line[:, 1] + line[:, 3] / 2)))
    merged: list[Boxes] = []
    for line in ordered:
        if merged and _too_near(merged[-1], line):
            merged[-1] = _whole(np.concatenate([merged[-1], line]))
        else:
            merged.append(line)
    return merged


def _too_near(upper: Boxes, lower: Boxes) -> bool:
    one, other = _line(upper), _line(lower)
    across = (lower[0, 0] + lower[-1, 0]) / 2
    apart = other.middle - one.middle + (other.rise - one.rise) * across
    return bool(apart < NEAREST * max(one.height, other.height))


def _whole(boxes: Boxes) -> Boxes:
    """Join the parts of marks that lie above each other."""
    whole: list[NDArray[np.int32]] = []
    for box in boxes[np.argsort(boxes[:, 0], kind="stable")]:
        shared = min(box[0] + box[2], whole[-1][0] + whole[-1][2]) - box[0] if whole else 0
        if whole and shared > SHARED * min(box[2], whole[-1][2]):
            whole[-1] = _union(whole[-1], box)
        else:
            whole.append(box)
    return np.stack(whole)


def _union(one: NDArray[np.int32], other: NDArray[np.int32]) -> NDArray[np.int32]:
    left, top = np.minimum(one[:2], other[:2])
    right, bottom = np.maximum(one[:2] + one[2:4], other[:2] + other[2:4])
    return np.array([left, top, right - left, bottom - top, one[4] + other[4]], np.int32)


def _usual_height(boxes: Boxes) -> float:
    heights = boxes[:, 3]
    return float(np.median(heights[heights >= 0.5 * np.percentile(heights, 90)]))


def _shared(one: NDArray[np.int32], other: NDArray[np.int32]) -> float:
    """Return the common vertical extent of two boxes as a share of the lower one's height."""
    shared = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return float(shared / min(one[3], other[3]))


def _line(boxes: Boxes) -> Line:
    """Lay a line through the middles of its marks, the usual ones counting most."""
    height = _usual_height(boxes)
    across = boxes[:, 0] + boxes[:, 2] / 2
    down = boxes[:, 1] + boxes[:, 3] / 2
    weights = np.exp(-np.abs(np.log(boxes[:, 3] / height)) * 2) * np.sqrt(boxes[:, 2])
    rise = 0.0
    if len(boxes) > 2 and np.ptp(across) > LONG * height:
        rise = float(np.clip(np.polyfit(across, down, 1, w=weights)[0], -STEEPEST, STEEPEST))
    middle = float(np.average(down - rise * across, weights=weights))
    return Line(middle, rise, height, boxes)
