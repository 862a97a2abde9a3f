"""Find the marks on the paper, drop edges and printed lines, and choose those of the digit."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.ink import COARSE
from pipeline.digits.preprocessing.pixels import as_pixels, median, otsu_threshold, threshold
from pipeline.system.arrays import Pixels

# Digits, rendered and real, had a contrast above 25 and a clarity above 7; noise a clarity below 6.
FAINTEST = 12.0  # contrast, 0..255
DIMMEST = 6.0  # clarity, in standard deviations of the paper's grain

BLANK = "blank: nothing stands out from the paper"
SEVERAL = "several separate objects"


class Marks(NamedTuple):
    """Connected components of ink.

    Attributes:
        labels: int32 (h, w), 0 on paper, else the number of the mark, from 1.
        boxes: int32 (marks, 5): x, y, width, height, area in pixels.
        contrast: Mean ink of the marks less that of the paper, 0..255.
        clarity: Contrast in standard deviations of the paper's grain.
    """

    labels: NDArray[np.int32]
    boxes: NDArray[np.int32]
    contrast: float
    clarity: float

    def mask(self, chosen: NDArray[np.bool_]) -> Pixels:
        """Return a mask, (h, w), of the chosen marks, bool (marks,)."""
        if chosen.all():
            return (self.labels > 0).astype(np.uint8)
        return np.concatenate([[False], chosen]).astype(np.uint8).take(self.labels)


def find_marks(ink: Pixels) -> Marks:
    """Separate marks from paper by hysteresis: from Otsu's threshold down to 60 % of it.

    So a stroke is followed where it gets fainter, but a mark that is faint throughout is dropped.
    """
    smooth = as_pixels(cv2.GaussianBlur(ink, (3, 3), 0)) if max(ink.shape) > COARSE else ink
    level, strong = otsu_threshold(smooth)
    weak = threshold(smooth, 0.6 * level)
    labels, stats = components(weak)
    held = np.zeros(len(stats), np.bool_)
    held[labels[strong > 0]] = True
    held[0] = False
    numbers = labels if held[1:].all() else (np.cumsum(held) * held).astype(np.int32)[labels]
    tone, grain = cv2.meanStdDev(smooth, mask=(numbers == 0).astype(np.uint8))
    contrast = cv2.mean(smooth, strong)[0] - float(tone[0, 0])
    clarity = contrast / (float(grain[0, 0]) + 1)
    return Marks(numbers, stats[held], contrast, clarity)


def components(mask: Pixels) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Label connected components, (h, w), and measure their boxes and areas, (labels, 5)."""
    # The fastest of OpenCV's algorithms here: three times as fast as the one it chooses itself.
    algorithm = cv2.CCL_BBDT
    found = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, algorithm)
    return found[1].astype(np.int32, copy=False), found[2].astype(np.int32, copy=False)


# --- edges ----------------------------------------------------------------------------------


def without_edges(ink: Pixels, marks: Marks) -> Pixels:
    """Drop frames, table edges and dark corners, if something that may be a digit remains."""
    edges = _edges(marks) if len(marks.boxes) > 1 else np.zeros(1, np.bool_)
    if not edges.any():
        return ink
    around = cv2.dilate(marks.mask(edges), np.ones((5, 5), np.uint8))
    return _unless_nothing_remains(ink, around > 0)


def _edges(marks: Marks) -> NDArray[np.bool_]:
    """Return which marks run along a side, fill a corner or frame the picture, bool (marks,)."""
    height, width = marks.labels.shape
    x, y, w, h, area = marks.boxes.T
    depth = max(1, round(0.12 * max(height, width)))
    inner = marks.labels[depth : height - depth, depth : width - depth]
    inside = np.bincount(inner.ravel(), minlength=len(area) + 1)[1:]
    at_side = (x == 0) | (x + w == width)
    at_top_or_bottom = (y == 0) | (y + h == height)
    strip = (at_top_or_bottom & (w >= 0.9 * width) & (h < 0.35 * height)) | (
        at_side & (h >= 0.9 * height) & (w < 0.35 * width)
    )
    frame = (w >= 0.75 * width) & (h >= 0.75 * height)
    hugging = (inside < 0.1 * area) & (at_side | at_top_or_bottom | frame)
    return np.asarray(strip | hugging, np.bool_)


def _unless_nothing_remains(ink: Pixels, unwanted: NDArray[np.bool_]) -> Pixels:
    """Blank the unwanted pixels, but only if a mark the size of a digit remains."""
    rest = np.where(unwanted, np.uint8(0), ink)
    remaining = find_marks(rest)
    largest = int(remaining.boxes[:, 2:4].max(initial=0))
    enough = remaining.contrast >= FAINTEST and largest >= 0.12 * max(ink.shape)
    return rest if enough else ink


# --- lines ----------------------------------------------------------------------------------


def without_lines(ink: Pixels) -> Pixels:
    """Drop the lines of squared or lined paper: thin, straight, from one side to the other."""
    if max(ink.shape) <= COARSE:
        return ink
    level, _ = otsu_threshold(ink)
    faint = threshold(ink, 0.4 * level)
    if not (_reaches_both_sides(faint) or _reaches_both_sides(faint.T)):
        return ink
    across, rows = _spanning_lines(faint)
    down, columns = _spanning_lines(np.ascontiguousarray(faint.T))
    lines = across | down.T
    if rows + columns == 0:
        return ink
    tone = median(ink[lines > 0])
    lines = as_pixels(cv2.dilate(lines, np.ones((3, 3), np.uint8)))
    crossing = cv2.morphologyEx(faint & (1 - lines), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    unwanted = (lines > 0) & (crossing == 0) & (ink < 1.4 * tone)
    rest = ink[(faint > 0) & ~unwanted]
    if rows + columns == 1 and rest.size and median(rest) < 1.25 * tone:
        return ink  # a single line as dark as the rest may be the stem of a digit
    return _unless_nothing_remains(ink, unwanted)


def _reaches_both_sides(mask: Pixels) -> bool:
    return bool(mask[:, :2].any() and mask[:, -2:].any())


def _spanning_lines(mask: Pixels) -> tuple[Pixels, int]:
    """Return mask and number of thin, nearly level lines from the left border to the right one."""
    width = mask.shape[1]
    if not _reaches_both_sides(mask):
        return np.zeros_like(mask), 0
    thick = max(3, round(0.025 * max(mask.shape)))
    column = np.ones((thick + 1, 1), np.uint8)
    thin = mask & (1 - as_pixels(cv2.morphologyEx(mask, cv2.MORPH_OPEN, column)))
    joined = cv2.dilate(thin, np.ones((3, 1), np.uint8))
    crossed = np.ones((1, 2 * thick + 1), np.uint8)  # gaps where lines of the other kind cross
    joined = cv2.morphologyEx(joined, cv2.MORPH_CLOSE, crossed)
    stretch = max(3, width // 8)
    runs = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((1, stretch), np.uint8))
    runs = cv2.dilate(runs, np.ones((3, stretch), np.uint8))  # and where the digit crosses
    labels, stats = components(as_pixels(runs))
    spanning = (stats[:, 2] >= 0.98 * width) & (stats[:, 3] <= 0.12 * width)
    spanning[0] = False
    return spanning.astype(np.uint8)[labels] & thin, int(spanning.sum())


# --- the digit ------------------------------------------------------------------------------


def choose_marks(ink: Pixels, marks: Marks) -> tuple[NDArray[np.bool_], str]:
    """Choose the marks of the digit: the one with most ink, and broken-off parts close by.

    Returns:
        The chosen marks, bool (marks,), and why this is probably not one digit, in one line; empty
        if it may be.
    """
    _, _, w, h, area = marks.boxes.T
    size = np.maximum(w, h)
    largest = int(size.max(initial=0))
    if marks.contrast < FAINTEST or largest < max(3, 0.03 * max(ink.shape)):
        return np.zeros(len(size), np.bool_), BLANK
    if len(size) == 1 and marks.clarity >= DIMMEST:
        return np.ones(1, np.bool_), ""
    mass = np.bincount(marks.labels.ravel(), ink.ravel(), minlength=len(size) + 1)[1:]
    main = int(mass.argmax())
    chosen = (gaps(marks.boxes, main) < 0.25 * size[main]) & (area > 0.02 * area[main])
    chosen[main] = True
    left_out = mass[~chosen]
    if marks.clarity < DIMMEST or (left_out.sum() > mass[chosen].sum() and len(left_out) > 20):
        return chosen, "too noisy: no stroke stands out clearly"
    if (left_out > 0.3 * mass[main]).any():
        return chosen, SEVERAL
    return chosen, ""


def gaps(boxes: NDArray[np.int32], main: int) -> NDArray[np.int32]:
    """Return the distance of each box from one of them, in pixels; below 0 if they overlap."""
    x, y, w, h, _ = boxes.T
    across = np.maximum(x - (x + w)[main], x[main] - (x + w))
    down = np.maximum(y - (y + h)[main], y[main] - (y + h))
    return np.asarray(np.maximum(across, down), np.int32)
