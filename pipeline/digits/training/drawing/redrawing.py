"""Redraw digits as other hands, other scanners and smaller pictures show them.

MNIST's digits keep their width and have soft edges. Elsewhere digits are stretched to fill a
square, or stored in black and white on a grid of hardly more than a dozen pixels.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.splits import BOX, SIDE
from pipeline.digits.training.drawing.handwriting import centred
from pipeline.system.arrays import Pixels

# Widths, as multiples of the digit's own.
WIDENING = (0.78, 1.9)
# Pixels of the coarse grid along the digit's longer side, and the ink from which one is black.
GRID = (14, 22)
BLACK = (70, 150)

INKED = 32  # ink above this belongs to the digit's bounding box, 0..255
FINE = 4  # a coarse digit is enlarged to this many times its final size


def redraw(images: Pixels, rng: np.random.Generator) -> Pixels:
    """Redraw each digit wider or narrower, and one in two on a coarse grid.

    Args:
        images: uint8 (n, 28, 28) in MNIST's form, light on dark.
        rng: The same state gives the same pictures.

    Returns:
        uint8 (n, 28, 28) in MNIST's form; a picture without ink stays as it is.
    """
    return np.stack([_redrawn(image, rng) for image in images])


def _redrawn(image: Pixels, rng: np.random.Generator) -> Pixels:
    x, y, width, height = cv2.boundingRect((image > INKED).astype(np.uint8))
    if not width:
        return image
    digit = image[y : y + height, x : x + width]
    form = np.array([width * np.exp(rng.uniform(*np.log(WIDENING))), height])
    size = form * BOX / form.max()
    if rng.random() < 0.5:
        digit = _resize(_coarse(digit, size * rng.uniform(*GRID) / BOX, rng), size * FINE)
    redrawn = _in_the_middle(_resize(digit, size))
    # Lines thinner than the grid may be lost.
    return centred(redrawn) if redrawn.any() else image


def _coarse(digit: Pixels, grid: NDArray[np.float64], rng: np.random.Generator) -> Pixels:
    """Reduce a digit to black and white pixels, as many as `grid` says: (across, down)."""
    return np.where(_resize(digit, grid) > rng.uniform(*BLACK), 255, 0).astype(np.uint8)


def _resize(digit: Pixels, size: NDArray[np.float64]) -> Pixels:
    across, down = (max(1, round(length)) for length in size)
    how = cv2.INTER_AREA if across * down < digit.size else cv2.INTER_CUBIC
    return cv2.resize(digit, (across, down), interpolation=how).astype(np.uint8, copy=False)


def _in_the_middle(digit: Pixels) -> Pixels:
    """Place a digit of at most 20 x 20 pixels in the middle of 28 x 28."""
    height, width = digit.shape
    image = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    image[top : top + height, left : left + width] = digit
    return image
