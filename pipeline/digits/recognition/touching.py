"""Ink that may be several digits which touch, as the network for rows of them takes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.form import BOX, FINE, enlarge, even_strokes
from pipeline.digits.recognition.rows import HEIGHT, STRIDE
from pipeline.system.arrays import Pixels

Box = tuple[int, int, int, int]

ROOM = 2  # pixels that stay free above and below
MARGIN = 6  # and at the ends
INKED = 64  # ink above this counts, 0..255


@dataclass(frozen=True)
class Row:
    """Ink brought to the height of a row, and where it was.

    Attributes:
        image: uint8 (HEIGHT, w), w even, light on dark.
        left: Where its first column would be in the picture, in pixels.
        top: Where its first line would be in the picture.
        across: Pixels of the picture to one of its columns.
        down: Pixels of the picture to one of its lines.
    """

    image: Pixels
    left: float
    top: float
    across: float
    down: float


def as_row(ink: Pixels, own: NDArray[np.bool_], usual: float, left: int, top: int) -> Row:
    """Bring ink to the height of a row, its strokes to MNIST's width.

    Args:
        ink: uint8 (h, w), 0..255.
        own: bool (h, w), where it counts; somewhere it does.
        usual: The usual height of a digit, in pixels.
        left: Where it lies in the picture, in pixels.
        top: Where it lies in the picture, in pixels.
    """
    mask = own.astype(np.uint8)
    x, y, w, h = cv2.boundingRect(mask)
    highest = HEIGHT - 2 * ROOM
    strokes = even_strokes(enlarge(ink, mask, max(usual, h * BOX / highest)), size=BOX * FINE)
    across, down, wide, high = cv2.boundingRect((strokes > INKED).astype(np.uint8))
    if not wide:
        return Row(np.zeros((HEIGHT, 2 * MARGIN), np.uint8), left, top, 1.0, 1.0)
    shrink = min(1 / FINE, highest / high)
    size = max(1, round(wide * shrink)), max(1, round(high * shrink))
    strokes = strokes[down : down + high, across : across + wide]
    width = size[0] + 2 * MARGIN
    image = np.zeros((HEIGHT, width + width % STRIDE), np.uint8)
    above = (HEIGHT - size[1]) // 2
    image[above : above + size[1], MARGIN : MARGIN + size[0]] = cv2.resize(
        strokes, size, interpolation=cv2.INTER_AREA
    )
    # Evening the strokes may have changed the width by more than the height.
    scale_x, scale_y = w / size[0], h / size[1]
    return Row(image, left + x - MARGIN * scale_x, top + y - above * scale_y, scale_x, scale_y)


def boxes_along(row: Row, middles: Sequence[float], widths: Sequence[float]) -> list[Box]:
    """Say where digits of a row are in the picture: left, top, width, height in pixels.

    Args:
        row: What holds them.
        middles: The middle of each, in columns of the row, from left to right.
        widths: How wide each is as a rule, by each other; what is between two middles is parted so.
    """
    sides = zip(pairwise(middles), pairwise(widths), strict=True)
    parted = [
        round((left * after + right * before) / (before + after))
        for (left, right), (before, after) in sides
    ]
    return [_box(row, first, end) for first, end in pairwise([0, *parted, row.image.shape[1]])]


def _box(row: Row, first: int, end: int) -> Box:
    inked = (row.image[:, first:end] > INKED).astype(np.uint8)
    x, y, w, h = cv2.boundingRect(inked)
    left, right = (round(row.left + (first + each) * row.across) for each in (x, x + w))
    top, bottom = (round(row.top + each * row.down) for each in (y, y + h))
    return left, top, max(1, right - left), max(1, bottom - top)
