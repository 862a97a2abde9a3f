"""One answer from several views of a picture: as it is, and a bit turned, slanted, resized, moved.

What a network gets wrong in one view it often gets right in the others, so that their mean errs
less ("test-time augmentation": Krizhevsky, Sutskever & Hinton, NeurIPS 2012, section 4.1).
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Probabilities = NDArray[np.float32]


class Change(NamedTuple):
    """One way to change a picture.

    Attributes:
        turn: In degrees.
        slant: In pixels across per pixel down.
        size: As a factor.
        right: In pixels.
        down: In pixels.
    """

    turn: float = 0.0
    slant: float = 0.0
    size: float = 1.0
    right: float = 0.0
    down: float = 0.0


# About half of what training with distortions goes up to, and a pixel either way: where digits
# stand in their box depends on what little ink sticks out.
CHANGES = (
    *(Change(turn=7.0), Change(turn=-7.0)),
    *(Change(slant=0.12), Change(slant=-0.12)),
    *(Change(size=1.08), Change(size=1 / 1.08)),
    *(Change(right=1.0), Change(right=-1.0)),
    *(Change(down=1.0), Change(down=-1.0)),
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
    """Give pictures, uint8 (n, height, width), as they are, then changed in each of the ways."""
    yield images
    height, width = images.shape[1:]
    for change in CHANGES:
        matrix = _matrix(change, ((width - 1) / 2, (height - 1) / 2))
        changed = np.empty_like(images)
        for image, target in zip(images, changed, strict=True):
            cv2.warpAffine(image, matrix, (width, height), dst=target)
        yield changed


def _matrix(change: Change, center: tuple[float, float]) -> NDArray[np.float64]:
    """Give the matrix, (2, 3), of a change about a centre (x, y)."""
    cosine, sine = np.cos(np.deg2rad(change.turn)), np.sin(np.deg2rad(change.turn))
    turned = np.array([[cosine, -sine], [sine, cosine]])
    linear = change.size * turned @ [[1.0, change.slant], [0.0, 1.0]]
    return np.column_stack([linear, center - linear @ center + (change.right, change.down)])
