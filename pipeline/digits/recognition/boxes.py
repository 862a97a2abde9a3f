"""Boxes around the digits of a line whose middles are known."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from pipeline.digits.recognition.lines.finding import Boxes, Line
from pipeline.system.arrays import Pixels

Box = tuple[int, int, int, int]  # left, top, width, height in pixels

REACH = 0.6  # heights from a digit's middle to the side of its box, at most
RISE = 0.75  # heights from the middle of the line to the top and bottom of a box, at most


def boxes_around(line: Line, inked: Pixels, middles: Sequence[float]) -> list[Box]:
    """Say where digits are: left, top, width, height in pixels of the picture.

    Args:
        line: Their line.
        inked: uint8 (h, w), 1 where the picture has ink.
        middles: The middle of each, in pixels of the picture, from left to right.
    """
    if not middles:
        return []
    reach = REACH * line.height
    parted = [(left + right) / 2 for left, right in pairwise(middles)]
    lefts, rights = [-np.inf, *parted], [*parted, np.inf]
    owners = [held_by(line.boxes, middle) for middle in middles]
    boxes = []
    for left, middle, right, owner in zip(lefts, middles, rights, owners, strict=True):
        if owner >= 0 and owners.count(owner) == 1:
            x, y, w, h, _ = line.boxes[owner].tolist()
            boxes.append((x, y, w, h))
        else:
            boxes.append(_box(line, inked, max(left, middle - reach), min(right, middle + reach)))
    return boxes


def held_by(boxes: Boxes, middle: float) -> int:
    """Return the index of the narrowest of some boxes that a column crosses, or -1."""
    inside = np.flatnonzero((boxes[:, 0] <= middle) & (middle <= boxes[:, 0] + boxes[:, 2]))
    return int(inside[boxes[inside, 2].argmin()]) if len(inside) else -1


def _box(line: Line, inked: Pixels, left: float, right: float) -> Box:
    high, wide = inked.shape
    first, end = max(0, int(left)), min(wide, max(int(right), int(left) + 1))
    centre, rise = line.middle + line.rise * (left + right) / 2, RISE * line.height
    top, bottom = max(0, int(centre - rise)), min(high, int(centre + rise))
    x, y, w, h = cv2.boundingRect(inked[top:bottom, first:end])
    return first + x, top + y, max(1, w), max(1, h)
