"""Test-time augmentation: average the answers to a picture and to slightly changed views of it.

A network often gets right in the other views what it gets wrong in one, so the mean is more often
right (A. Krizhevsky, I. Sutskever & G. Hinton, NeurIPS 2012, section 4.1).
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.system.arrays import Pixels

# Rotation in degrees, shear in pixels across per pixel down, scale: about half of the training's
# maximum.
CHANGES = (
    (7.0, 0.0, 1.0),
    (-7.0, 0.0, 1.0),
    (0.0, 0.12, 1.0),
    (0.0, -0.12, 1.0),
    (0.0, 0.0, 1.08),
    (0.0, 0.0, 1 / 1.08),
)


def mean_answer(
    images: Pixels, answer: Callable[[Pixels], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Average the answers to all views of each picture.

    Args:
        images: uint8 (n, height, width), light on black.
        answer: Returns the probabilities, float32 (n, classes), for such pictures.

    Returns:
        float32 (n, classes).
    """
    total = np.sum([answer(view) for view in views(images)], axis=0, dtype=np.float32)
    return np.asarray(total / (1 + len(CHANGES)), np.float32)


def views(images: Pixels) -> Iterator[Pixels]:
    """Yield pictures, uint8 (n, height, width), unchanged and then with each of CHANGES."""
    yield images
    height, width = images.shape[1:]
    for turn, slant, scale in CHANGES:
        matrix = _about_center(turn, slant, scale, ((width - 1) / 2, (height - 1) / 2))
        changed = np.empty_like(images)
        for image, target in zip(images, changed, strict=True):
            cv2.warpAffine(image, matrix, (width, height), dst=target)
        yield changed


def _about_center(
    turn: float, slant: float, scale: float, center: tuple[float, float]
) -> NDArray[np.float64]:
    """Return the affine matrix, (2, 3), of a change that keeps the centre (x, y) in place."""
    cosine, sine = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    linear = scale * np.array([[cosine, -sine], [sine, cosine]]) @ [[1.0, slant], [0.0, 1.0]]
    return np.column_stack([linear, center - linear @ center])
