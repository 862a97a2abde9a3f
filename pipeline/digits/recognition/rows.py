"""Rows of digits that touch, and how a network's answers along one become digits.

The network looks along a row and says of every few columns whether the middle of a digit is there,
and of which. So nothing has to be cut, which is what goes wrong where digits touch (compare the
space displacement neural networks of Y. LeCun et al., "Gradient-based learning applied to document
recognition", 1998, section VII).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

HEIGHT = 32  # of a row, in pixels; its digits are about 20 high, as MNIST's are
STRIDE = 2  # columns of a row to one answer
NONE = 10  # the answer where there is no middle of a digit, the blank
BESIDE = 2  # answers that are no further apart are about the same digit,
SURE = 0.75  # unless both are that sure


@dataclass(frozen=True)
class Found:
    """A digit that a row was found to hold.

    Attributes:
        place: Which of the network's answers, each for STRIDE columns, is at its middle.
        probabilities: float32 (11,), of each digit, and last of there being none.
    """

    place: int
    probabilities: NDArray[np.float32]

    @property
    def confidence(self) -> float:
        """The probability of what it most likely is."""
        return float(self.probabilities.max())

    @property
    def middle(self) -> float:
        """Its middle, in columns of the row."""
        return (self.place + 0.5) * STRIDE


def find_middles(probabilities: NDArray[np.float32]) -> list[Found]:
    """Return the digits of a row from left to right.

    Args:
        probabilities: float32 (n, 11), what the network says of every STRIDE columns.
    """
    answers = probabilities.argmax(axis=1)
    changes = [0, *(np.flatnonzero(np.diff(answers)) + 1).tolist(), len(answers)]
    found = []
    for start, end in pairwise(changes):
        answer = answers[start]
        if answer != NONE:
            place = start + int(probabilities[start:end, answer].argmax())
            found.append(Found(place, probabilities[place]))
    return _without_echoes(found)


def _without_echoes(found: list[Found]) -> list[Found]:
    """Drop what is hardly sure and beside what is surer: the network may say anything there.

    This is non-maximum suppression, within BESIDE answers.
    """
    kept: list[Found] = []
    for each in sorted(found, key=lambda each: -each.confidence):
        near = [other for other in kept if abs(other.place - each.place) <= BESIDE]
        if each.confidence >= SURE or not near:
            kept.append(each)
    return sorted(kept, key=lambda each: each.place)
