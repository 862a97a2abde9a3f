"""Operations on pixels that several steps share."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.system.arrays import Pixels

# From this enlargement on, Lanczos's filter is used: it is sharper than a cubic one and keeps the
# holes of a digit of a dozen pixels open, but takes seven times as long.
SHARPENED_FROM = 4


def as_pixels(array: NDArray[Any]) -> Pixels:
    """Tell the type checker what OpenCV's stubs do not: uint8 in, uint8 out."""
    return array.astype(np.uint8, copy=False)


def threshold(pixels: Pixels, level: float) -> Pixels:
    """Return a mask that is 1 where pixels are above a level, else 0."""
    return as_pixels(cv2.threshold(pixels, level, 1, cv2.THRESH_BINARY)[1])


def otsu_threshold(pixels: Pixels) -> tuple[float, Pixels]:
    """Split pixels into two classes by Otsu's method.

    The level makes the variance between the classes largest (N. Otsu, "A threshold selection method
    from gray-level histograms", IEEE Transactions on Systems, Man, and Cybernetics 9(1), 1979).

    Returns:
        The level, 0..255, and a mask that is 1 above it; the level is 0 if there are no pixels.
    """
    if not pixels.size:
        return 0.0, pixels
    level, mask = cv2.threshold(pixels, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return level, as_pixels(mask)


def median(values: Pixels) -> float:
    """Return the median of at least one value, (n,), in half of `np.median`'s time."""
    up_to = np.bincount(values, minlength=256).cumsum()
    low, high = up_to.searchsorted(((len(values) - 1) // 2, len(values) // 2), side="right")
    return (int(low) + int(high)) / 2


def center_of_mass(ink: Pixels) -> tuple[float, float]:
    """Return the centre of mass of ink, (h, w), not all 0, as (x, y) in pixels."""
    moments = cv2.moments(ink)
    return moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]


def longer_side(mask: Pixels) -> int:
    """Return the longer side, in pixels, of the box around all pixels that are not 0; 0 if none."""
    _, _, width, height = cv2.boundingRect(mask)
    return max(width, height)


def resize(picture: Pixels, scale: float) -> Pixels:
    """Scale a picture, (h, w) or (h, w, 3), by a factor; average the pixels if it shrinks."""
    if scale == 1:
        return picture
    height, width = picture.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    enlarging = cv2.INTER_CUBIC if scale < SHARPENED_FROM else cv2.INTER_LANCZOS4
    how = cv2.INTER_AREA if scale < 1 else enlarging
    return as_pixels(cv2.resize(picture, size, interpolation=how))


def shrink_to(pixels: Pixels, longest: int) -> Pixels:
    """Shrink a picture by the least whole factor that brings its longer side to `longest`."""
    return shrink(pixels, -(-max(pixels.shape[:2]) // longest))


def shrink(pixels: Pixels, factor: int) -> Pixels:
    """Average blocks of `factor` x `factor` pixels of a picture, (h, w) or (h, w, 3 or 4).

    A remainder at the right and at the bottom is dropped: OpenCV averages whole blocks about
    fifteen times as fast as fractions of them, and blocks of 2 x 2 four times as fast as others.
    """
    if factor == 1:
        return pixels
    if factor > 2 and factor % 2 == 0:
        return shrink(shrink(pixels, 2), factor // 2)
    height, width = (max(1, length // factor) for length in pixels.shape[:2])
    whole = pixels[: height * factor, : width * factor]
    return as_pixels(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA))


def without_repeated_pixels(picture: Pixels) -> Pixels:
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
