"""Cut the strips that the network takes from the lines of a picture."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.digits.recognition.lines.finding import Line, Page
from pipeline.digits.recognition.lines.format import HEIGHT, STEP, stretch
from pipeline.system.arrays import Pixels

BEYOND = 1.0  # heights that a strip goes on beyond the marks found
MARGIN = 10  # columns of paper at both ends of a strip
WIDEST = 4096  # columns of a strip, at most
# What a line is read at: the height of digits in the strip, in pixels, how much wider it is drawn,
# and its slants to the left. Those that tell most come first.
VIEWS = (
    *((20.0, 1.25, (-0.15, 0.15)), (23.0, 1.0, (0.0, 0.3)), (17.5, 1.0, (0.0, 0.3))),
    *((27.0, 1.25, (-0.15, 0.15)), (15.0, 1.0, (-0.15, 0.15))),
)


@dataclass(frozen=True)
class Strips:
    """A line as its network takes it, at one scale and several slants.

    Attributes:
        images: uint8 (n, HEIGHT, w), dark on light, w a multiple of STEP.
        scale: Their columns to a pixel of the picture.
        left: Where they begin in the picture, in pixels, their margin aside.
    """

    images: Pixels
    scale: float
    left: int

    def column_of(self, column: float) -> float:
        """Return which column of the picture one of the strips' is."""
        return self.left + (column - MARGIN) / self.scale


def cut_views(page: Page, line: Line) -> Iterator[Strips]:
    """Cut a line out in one after the other of VIEWS."""
    for view in VIEWS:
        yield cut_strips(page, line, *view)


def cut_strips(
    page: Page, line: Line, height: float, wider: float = 1.0, slants: Sequence[float] = (0.0,)
) -> Strips:
    """Cut a line out, with whatever is near its ends, so that its digits get a height.

    Args:
        page: The picture.
        line: One of its lines.
        height: What its digits are to be high, usually, in pixels of the strip.
        wider: Their width, as a multiple of what that height makes it.
        slants: How far each strip is slanted to the left, in columns per line of pixels.
    """
    left, right = _ends(page, line)
    scale = min(height / line.height, (WIDEST - 2 * MARGIN) / (right - left) / wider)
    top, bottom = _above_and_below(page, line, left, right, HEIGHT / scale)
    gray = page.gray[top:bottom, left:right]
    width = -(-round(gray.shape[1] * scale * wider + 2 * MARGIN) // STEP) * STEP
    tone = float(np.median(gray))
    shrunk = min(scale, 1.0)
    if shrunk < 1:
        size = [max(1, round(length * shrunk)) for length in gray.shape[::-1]]
        gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    enlarged = scale / shrunk
    middle = (line.middle + line.rise * left - top) * scale
    level = np.array([-line.rise * enlarged, enlarged, HEIGHT / 2 - middle + line.rise * MARGIN])
    upright, lean = np.array([enlarged, 0, 0]), level - (0, 0, HEIGHT / 2)
    ways = [
        np.stack([wider * (upright + slant * lean) + (0, 0, MARGIN), level]) for slant in slants
    ]
    strips = [cv2.warpAffine(gray, way, (width, HEIGHT), borderValue=tone) for way in ways]
    images = [stretch(strip.astype(np.uint8, copy=False)) for strip in strips]
    return Strips(np.stack(images), scale * wider, left)


def _ends(page: Page, line: Line) -> tuple[int, int]:
    """Say where to cut a line off: some heights beyond the last marks that were found."""
    width, beyond = page.gray.shape[1], BEYOND * line.height
    if not len(line.boxes):
        return 0, width
    right = (line.boxes[:, 0] + line.boxes[:, 2]).max() + beyond
    return max(0, int(line.boxes[:, 0].min() - beyond)), min(width, math.ceil(right))


def _above_and_below(
    page: Page, line: Line, left: int, right: int, reach: float
) -> tuple[int, int]:
    """Say between which lines of pixels a strip lies that reaches so far from its middle."""
    ends = line.middle + line.rise * left, line.middle + line.rise * right
    top = min(max(0, int(min(ends) - reach)), page.gray.shape[0] - 1)
    return top, max(top + 1, min(page.gray.shape[0], math.ceil(max(ends) + reach)))
