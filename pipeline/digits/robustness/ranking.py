"""How well a score ranks the pictures of one kind above those of another.

The scores are a network's confidence: D. Hendrycks and K. Gimpel, "A baseline for detecting
misclassified and out-of-distribution examples in neural networks", ICLR 2017.
"""

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]


def certainty(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return a score, (n,), that orders answers, (n, classes), as their confidence does.

    It is minus the probability of all other classes together. Confidence itself is rounded to 1
    where a network is very sure, so such answers would tie.
    """
    others = np.sort(probabilities.astype(np.float64), axis=1)[:, :-1]
    return np.asarray(-others.sum(axis=1))


def auroc(high: Scores, low: Scores) -> float:
    """Return the area under the ROC curve, 0..1: how often `high` scores above `low`.

    It is the share of pairs of one of each that are ranked so, ties counted half (Mann & Whitney
    1947); 0.5 is chance. Neither may be empty.
    """
    ranked = np.sort(low)
    below, upto = (np.searchsorted(ranked, high, side) for side in ("left", "right"))
    return float((below + upto).sum() / 2 / (len(high) * len(low)))


def fpr_at_95_tpr(high: Scores, low: Scores) -> float:
    """Return the share of `low`, 0..1, that passes the threshold which 95 % of `high` pass."""
    threshold = np.quantile(high, 0.05, method="lower")
    return float(np.mean(low >= threshold))
