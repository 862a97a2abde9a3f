"""Choose between several readings of a picture.

The answer is a mixture of experts (R. A. Jacobs et al., "Adaptive mixtures of local experts",
Neural Computation 3(1), 1991): the mean of the network's answers to all readings, each weighted by
how plausible it is and how sure the network. So readings that disagree make the answer less sure.
One expert more says that there is no digit; the less plausible the readings, the more it weighs.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.normalise import Normalised
from pipeline.digits.preprocessing.pixels import threshold
from pipeline.system.arrays import Pixels

NARROW = 0.35  # width by height, or height by width: any line looks like a 1

# Fitted by maximum likelihood on the answers of four default networks to 600 of MNIST's validation
# digits and 340 more composed into pictures (circled, underlined, in a form's box, in hard shadows,
# on notes, dotted, cut tightly …), to 229 of other people's pictures, and to 720 pictures of no
# digit (letters, shapes, scrawls, words, photographs, textures), which weigh 0.6. A way without a
# weight here, such as a picture read as a whole, has weight 0.
WEIGHTS: Mapping[str, float] = {
    "sure": 0.88,
    "sure if narrow": -0.58,
    "one mark": -2.32,
    "fainter": -2.40,
    "blurred": -4.22,
    "filled": -0.63,
    "unlined": -0.48,
    "shaded": 1.45,
    "inverted": -1.64,
    "inverted, shaded": -2.89,
    "colour taken out": -1.17,
    "page": 1.27,
    "size": 0.71,
    "offset": -8.36,
    "parts": -3.08,
    "foreign ink": -4.74,
    "slenderness": -3.01,
    "trouble": -3.14,
}
# How plausible it is that there is no digit: 0.2 less than was fitted, as for DIGIT_OFFSET in
# `inference.classifier`, so that few digits are taken for none.
NOTHING = -3.92


class Reading(NamedTuple):
    """One reading of a picture.

    Attributes:
        image: uint8 (28, 28), what the network sees.
        doubt: Why it is probably not a single digit; one line, may be empty.
        plausibility: Logarithm of its weight where the network gives even odds for its answer.
        trust: By how much that rises with the logarithm of the odds.
    """

    image: Pixels
    doubt: str = ""
    plausibility: float = 0.0
    trust: float = 1.0


def reading_of(found: Normalised) -> Reading:
    """Judge how plausible it is that a normalised picture is the digit that was meant."""
    _, _, width, height = cv2.boundingRect(threshold(found.image, 64))
    slenderness = min(width, height) / max(width, height, 1)
    known = features(found, slenderness)
    plausibility = sum(WEIGHTS.get(name, 0.0) * value for name, value in known.items())
    trust = WEIGHTS["sure"] + (WEIGHTS["sure if narrow"] if slenderness < NARROW else 0.0)
    return Reading(found.image, found.trouble, plausibility, trust)


def features(found: Normalised, slenderness: float) -> dict[str, float]:
    """Return what speaks for or against a reading, by the names in WEIGHTS."""
    return {
        found.way: 1.0,
        "size": math.log(max(found.size, 0.01)),
        "offset": found.offset,
        "parts": math.log(max(found.parts, 1)),
        "foreign ink": found.foreign,
        "slenderness": slenderness,
        "trouble": float(bool(found.trouble)),
    }


def choose(
    readings: Sequence[Reading], answers: NDArray[np.float32]
) -> tuple[Reading, NDArray[np.float32], float]:
    """Mix the answers to several readings of a picture.

    Args:
        readings: At least one.
        answers: The network's probabilities for each, float32 (readings, classes); what they lack
            to 1 is the probability of no digit.

    Returns:
        The reading that contributes most to the likeliest class; the probabilities, (classes,), if
        there is a digit; the probability that there is one.
    """
    weights = _weights(readings, answers.max(axis=1))
    mixed = weights @ answers
    chosen = readings[int((weights * answers[:, mixed.argmax()]).argmax())]
    return chosen, (mixed / mixed.sum()).astype(np.float32), float(mixed.sum())


def _weights(readings: Sequence[Reading], confidence: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the share of each reading in the answer, (readings,); what is left is no digit's."""
    trust, plausibility = (
        np.array([getattr(each, name) for each in readings]) for name in ("trust", "plausibility")
    )
    logs = np.append(plausibility + trust * odds(confidence.astype(np.float64)), NOTHING)
    weights = np.exp(logs - logs.max())
    return np.asarray(weights[:-1] / weights.sum(), np.float64)


def odds(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the odds, bounded at both ends."""
    bounded: NDArray[np.float64] = np.log(confidence + 1e-4) - np.log(1 - confidence + 1e-3)
    return bounded
