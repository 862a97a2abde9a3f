"""Read a small picture as a whole: take the paper out of it, but leave the digit where it is.

Noise, fog and stripes hide which marks are the digit, so that it can neither be cut out nor
centred. In a picture of the network's own size the digit is likely to be in its place already.
"""

import cv2
import numpy as np

from pipeline.digits.preprocessing.pixels import (
    as_pixels,
    center_of_mass,
    otsu_threshold,
    threshold,
)
from pipeline.digits.splits import BOX, SIDE
from pipeline.system.arrays import Pixels

RIM = 5  # pixels; as deep as the paper around the digits of MNIST
INKED = 64  # a stroke's ink, 0..255
WIDEST, FILLING = 0.8, 0.95  # of the picture
MOST_PARTS = 10  # of the paper and of a digit together, or of its holes
OTHER_SIZE, OFF_CENTRE = 4, 2.5  # pixels
SURROUNDINGS = 4.0  # standard deviation, in pixels; a few stroke widths


def whole_readings(gray: Pixels, *, in_doubt: bool) -> tuple[Pixels, ...]:
    """Return what a small picture shows if its paper is taken out in either of two ways.

    Args:
        gray: uint8 (28, 28), light strokes on darker paper.
        in_doubt: Whether no digit stood out clearly.

    Returns:
        uint8 (28, 28) each, light on black; none if the picture clearly shows a digit in another
        place than that where the network expects it.
    """
    ink = against_rim(gray)
    expected = in_doubt or _is_in_place(ink) or _is_hidden(ink, gray)
    return (ink, against_surroundings(gray)) if expected else ()


def _is_in_place(ink: Pixels) -> bool:
    """Return whether the ink is where MNIST's digits are, and about as large."""
    mask = threshold(ink, INKED)
    _, _, width, height = cv2.boundingRect(mask)
    if abs(max(width, height) - BOX) > OTHER_SIZE:
        return False
    return max(abs(part - SIDE / 2) for part in center_of_mass(mask)) <= OFF_CENTRE


def _is_hidden(ink: Pixels, gray: Pixels) -> bool:
    """Return whether something hides where the digit is.

    Digits are higher than wide. So ink that reaches from the left to the right is not theirs alone,
    unless a few marks fill the picture's height, as of a digit that was cut out tightly.
    """
    if cv2.boundingRect(threshold(ink, INKED))[2] < WIDEST * SIDE:
        return False
    _, marks = otsu_threshold(gray)
    filling = cv2.boundingRect(marks)[3] > FILLING * SIDE
    return not filling or cv2.connectedComponents(marks)[0] > MOST_PARTS


def against_rim(gray: Pixels) -> Pixels:
    """Return how much a picture differs from paper as its rim shows it.

    The paper's tone runs evenly from one side of the rim to the opposite one, down each column or
    along each row, whichever leaves less ink. So bands of another tone vanish.
    """
    smooth = as_pixels(cv2.medianBlur(gray, RIM))
    down, along = _difference(gray, smooth), _difference(gray.T, smooth.T).T
    return down if cv2.sumElems(down)[0] <= along.sum() else np.ascontiguousarray(along)


def _difference(gray: Pixels, smooth: Pixels) -> Pixels:
    inner = RIM // 2
    first, last = smooth[inner].astype(np.float32), smooth[-1 - inner].astype(np.float32)
    share = (np.arange(len(gray), dtype=np.float32)[:, None] - inner) / (len(gray) - RIM)
    paper = first + share * (last - first)
    return as_pixels(np.rint(np.abs(gray - paper)).astype(np.uint8))


def against_surroundings(gray: Pixels) -> Pixels:
    """Return how much lighter each pixel is than its surroundings, stretched to 0..255."""
    values = gray.astype(np.float32)
    lighter = np.maximum(values - cv2.GaussianBlur(values, (0, 0), SURROUNDINGS), 0)
    stretched = lighter * (255 / max(1.0, float(lighter.max())))
    return as_pixels(np.rint(stretched).astype(np.uint8))
