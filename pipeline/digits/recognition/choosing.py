"""Which of many possible cuts make digits: those that read well and look like what they read.

A network that knows only digits is nearly as sure of two half digits as of one whole. So its
probabilities are softened, and the shape of a candidate is held against what MNIST's digits of that
class look like. The best way through a group is found by dynamic programming over its cuts, as in
Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998, section IV.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.inference.metrics import soften
from pipeline.digits.recognition.candidates import Group
from pipeline.digits.recognition.rows import NONE, Found

# Of MNIST's digits 0 to 9 in its training part: the logarithm of width by height, and how many
# strokes a row and a column goes through on average; see `shapes`.
USUAL_SHAPES = np.array(
    [
        (-0.11, 1.68, 1.67),
        (-0.98, 1.01, 1.09),
        (-0.08, 1.31, 1.77),
        (-0.25, 1.21, 2.12),
        (-0.26, 1.44, 1.34),
        (-0.08, 1.20, 1.90),
        (-0.35, 1.40, 1.79),
        (-0.28, 1.15, 1.47),
        (-0.30, 1.53, 2.01),
        (-0.42, 1.35, 1.78),
    ]
)
SHAPE_SPREAD = np.array((0.24, 0.14, 0.24))  # the mean of the classes' standard deviations

# Found by a random search over numbers composed of digits from MNIST's training part, as networks
# of three presets read them.
SOFTENING = 2.2  # temperature that the probabilities are softened by
SHAPE_WEIGHT = 0.1

# What must speak for several digits rather than one, in nats. Of 1,267 digits alone and 582 pairs
# that touch, composed of MNIST's validation digits, 1 took 2 for several and 1 for one; this 1 and
# 3; 3 took 1 and 13. Digits alone are the rule.
SEVERAL = 2.0
LEAST_PROBABILITY = 1e-6  # smaller ones count as this


def best_cuts(group: Group, probabilities: NDArray[np.float32]) -> list[int]:
    """Choose the candidates, by index and from left to right, that together make up a group.

    Args:
        group: With n candidates.
        probabilities: float32 (n, 10), what a network says of their images.
    """
    scores = _scores(group, probabilities)
    best: list[tuple[float, list[int]]] = [(0.0, [])]  # by number of parts made up so far
    for end in range(1, group.parts + 1):
        ways = [
            (best[each.first][0] + scores[index], index)
            for index, each in enumerate(group.candidates)
            if each.end == end
        ]
        score, index = max(ways)
        best.append((score, [*best[group.candidates[index].first][1], index]))
    return best[-1][1]


def are_several(found: Sequence[Found], group: Group, probabilities: NDArray[np.float32]) -> bool:
    """Say whether a group is several digits that touch rather than one.

    Args:
        found: What was found along it, from left to right.
        group: With n candidates.
        probabilities: float32 (n, 10), what a network says of their images.
    """
    if len(found) < 2 or group.whole is None:
        return len(found) > 1
    whole = float(soften(probabilities[[group.whole]], SOFTENING).max())
    return _for_several(found) > _log_odds(whole) + SEVERAL


def usual_widths(digits: Sequence[int]) -> list[float]:
    """Return how wide MNIST's digits are as a rule, as shares of their height."""
    return [float(width) for width in np.exp(USUAL_SHAPES[list(digits), 0])]


def _for_several(found: Sequence[Found]) -> float:
    """Return how much more speaks for all digits of a row than for the surest alone, in nats."""
    there = np.log([max(each.probabilities[:NONE].max(), LEAST_PROBABILITY) for each in found])
    none = np.log([max(each.probabilities[NONE], LEAST_PROBABILITY) for each in found])
    gains = there - none
    return float(gains.sum() - gains.max())


def _log_odds(probability: float) -> float:
    return float(
        np.log(max(probability, LEAST_PROBABILITY) / max(1 - probability, LEAST_PROBABILITY))
    )


def _scores(group: Group, probabilities: NDArray[np.float32]) -> list[float]:
    """Return how much speaks for each candidate, in nats; 0 is the most."""
    digits = probabilities.argmax(axis=1)
    confidence = soften(probabilities, SOFTENING).max(axis=1)
    images = np.stack([each.image for each in group.candidates])
    unusual = np.abs(shapes(images) - USUAL_SHAPES[digits]) / SHAPE_SPREAD
    against_shape = (np.maximum(unusual - 1, 0) ** 2 / 2).sum(axis=1)
    against_cut = np.array([each.cost for each in group.candidates])
    scores = np.log(confidence) - SHAPE_WEIGHT * against_shape - against_cut
    return [float(score) for score in scores]


def shapes(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Describe digits, uint8 (n, 28, 28), by three numbers each, float64 (n, 3).

    They are the logarithm of width by height, and the mean number of strokes that an inked row and
    an inked column goes through.
    """
    inked = (images > 100).astype(np.int8)
    height = np.maximum(inked.any(axis=2).sum(axis=1), 1)
    width = np.maximum(inked.any(axis=1).sum(axis=1), 1)
    in_rows = (np.diff(inked, axis=2, prepend=0) == 1).sum(axis=(1, 2)) / height
    in_columns = (np.diff(inked, axis=1, prepend=0) == 1).sum(axis=(1, 2)) / width
    return np.stack([np.log(width / height), in_rows, in_columns], axis=1)
