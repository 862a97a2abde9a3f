"""Pixels as arrays: their type, and small operations on them that many steps share."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def above(pixels: Pixels, level: float) -> Pixels:
    """Mark, by 1 instead of 0, what is lighter than a level."""
    return u8(cv2.threshold(pixels, level, 1, cv2.THRESH_BINARY)[1])


def median(values: Pixels) -> float:
    """Return the median of a row of values, at least one, in half of `np.median`'s time."""
    up_to = np.bincount(values, minlength=256).cumsum()
    low, high = up_to.searchsorted(((len(values) - 1) // 2, len(values) // 2), side="right")
    return (int(low) + int(high)) / 2


def u8(array: NDArray[Any]) -> Pixels:
    """Tell the type checker what OpenCV's stubs do not: uint8 in, uint8 out."""
    return array.astype(np.uint8, copy=False)


def resize(picture: Pixels, scale: float) -> Pixels:
    """Scale a picture, uint8 (h, w) or (h, w, 3), averaging when it shrinks."""
    if scale == 1:
        return picture
    height, width = picture.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return u8(cv2.resize(picture, size, interpolation=how))


def shrink(pixels: Pixels, factor: int) -> Pixels:
    """Average squares of `factor` by `factor` pixels of a picture, uint8 (h, w) or (h, w, 3 or 4).

    What is left over at the right and at the bottom is dropped: whole squares are averaged some
    fifteen times as fast as broken ones, and those of two by two four times as fast as others.
    """
    if factor == 1:
        return pixels
    if factor > 2 and factor % 2 == 0:
        return shrink(shrink(pixels, 2), factor // 2)
    height, width = (max(1, length // factor) for length in pixels.shape[:2])
    whole = pixels[: height * factor, : width * factor]
    small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False)


def shrink_to(pixels: Pixels, longest: int) -> Pixels:
    """Shrink a picture by the least whole factor that brings its longer side to `longest`."""
    return shrink(pixels, -(-max(pixels.shape[:2]) // longest))


def center_of_mass(ink: Pixels) -> tuple[float, float]:
    """Return the centre of mass of ink, uint8 (h, w) that is not all 0, as (x, y) in pixels."""
    moments = cv2.moments(ink)
    return moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
