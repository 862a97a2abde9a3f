"""One answer from several views of a picture: as it is, and slightly turned, slanted and resized.

What a network gets wrong in one view it often gets right in the others, so that their mean errs
less ("test-time augmentation": Krizhevsky, Sutskever & Hinton, NeurIPS 2012, section 4.1).
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Probabilities = NDArray[np.float32]

# Turn in degrees, slant in pixels across per pixel down, size: about half of what training with
# distortions goes up to.
CHANGES = (
    (7.0, 0.0, 1.0),
    (-7.0, 0.0, 1.0),
    (0.0, 0.12, 1.0),
    (0.0, -0.12, 1.0),
    (0.0, 0.0, 1.08),
    (0.0, 0.0, 1 / 1.08),
)


def mean_answer(images: Pixels, answer: Callable[[Pixels], Probabilities]) -> Probabilities:
    """Average over the views of each picture.

    Args:
        images: uint8 (n, height, width), light on black.
        answer: Gives probabilities, (n, classes), for such pictures.

    Returns:
        float32 (n, classes).
    """
    total = np.sum([answer(view) for view in views(images)], axis=0, dtype=np.float32)
    return np.asarray(total / (1 + len(CHANGES)), np.float32)


def views(images: Pixels) -> Iterator[Pixels]:
    """Return pictures, uint8 (n, height, width), as they are, then changed in each of the ways."""
    yield images
    height, width = images.shape[1:]
    for turn, slant, size in CHANGES:
        matrix = _about_center(turn, slant, size, ((width - 1) / 2, (height - 1) / 2))
        changed = np.empty_like(images)
        for image, target in zip(images, changed, strict=True):
            cv2.warpAffine(image, matrix, (width, height), dst=target)
        yield changed


def _about_center(
    turn: float, slant: float, size: float, center: tuple[float, float]
) -> NDArray[np.float64]:
    """Return the matrix, (2, 3), of a change that leaves the centre (x, y) where it is."""
    cosine, sine = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    linear = size * np.array([[cosine, -sine], [sine, cosine]]) @ [[1.0, slant], [0.0, 1.0]]
    return np.column_stack([linear, center - linear @ center])
