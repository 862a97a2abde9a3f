"""Classification metrics on plain arrays.

Throughout: ``labels`` are integers of shape (n,) in 0..classes-1, ``probabilities`` are floats of
shape (n, classes) in 0..1 whose rows sum to one.

Calibration: C. Guo et al., "On calibration of modern neural networks", ICML 2017.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer]
Probabilities = NDArray[np.floating]

SMALLEST_PROBABILITY = 1e-12
CALIBRATION_BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy, in bins of confidence of equal width (Guo et al. 2017).

    Attributes:
        confidence: Mean confidence of each bin, shape (bins,), 0..1; 0 where the bin is empty.
        accuracy: Share of right answers of each bin, shape (bins,), 0..1; 0 where it is empty.
        count: Answers in each bin, shape (bins,).
        expected_calibration_error: Mean of the gaps between the two, weighted by count, 0..1.
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    count: NDArray[np.int64]
    expected_calibration_error: float


def accuracy(labels: Labels, probabilities: Probabilities) -> float:
    """Return the share of pictures whose most probable class is the true one, 0..1."""
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def cross_entropy(labels: Labels, probabilities: Probabilities) -> float:
    """Return the mean negative log-probability of the true class, in nats."""
    of_truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(of_truth, SMALLEST_PROBABILITY)).mean())


def two_likeliest(probabilities: Probabilities) -> tuple[tuple[int, float], tuple[int, float]]:
    """Return the most and the second most probable class of (classes,), and their probabilities."""
    second, first = (int(label) for label in np.argsort(probabilities)[-2:])
    return (first, float(probabilities[first])), (second, float(probabilities[second]))


def confusion_matrix(labels: Labels, predicted: Labels, classes: int) -> NDArray[np.int64]:
    """Count pictures by true class (rows) and predicted class (columns): (classes, classes)."""
    flat = np.bincount(labels.astype(np.int64) * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes)


def precision_and_recall(
    matrix: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return precision and recall of each class, shape (classes,), 0..1; 0 where undefined."""
    right = np.diag(matrix).astype(np.float64)
    precision = right / np.maximum(matrix.sum(axis=0), 1)
    recall = right / np.maximum(matrix.sum(axis=1), 1)
    return precision, recall


def reliability(labels: Labels, probabilities: Probabilities) -> Reliability:
    """Compare confidence with accuracy, bin by bin of confidence (Guo et al. 2017)."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    count = np.bincount(bins, minlength=CALIBRATION_BINS)
    per_bin = np.maximum(count, 1)
    mean_confidence = np.bincount(bins, confidence, CALIBRATION_BINS) / per_bin
    mean_accuracy = np.bincount(bins, right, CALIBRATION_BINS) / per_bin
    gap = np.abs(mean_confidence - mean_accuracy)
    return Reliability(
        mean_confidence, mean_accuracy, count, float((gap * count).sum() / len(labels))
    )


def soften(probabilities: Probabilities, temperature: float) -> NDArray[np.float32]:
    """Divide the logits of these probabilities by a temperature (> 0) and apply softmax again.

    A temperature above 1 makes answers less confident, below 1 more; the order of classes stays.
    """
    logits: NDArray[np.float64] = np.log(np.maximum(probabilities, SMALLEST_PROBABILITY))
    scaled = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    softened: NDArray[np.float32] = (scaled / scaled.sum(axis=1, keepdims=True)).astype(np.float32)
    return softened


def fit_temperature(labels: Labels, probabilities: Probabilities) -> float:
    """Find the temperature in 0.05..20 with the least cross-entropy (Guo et al. 2017, section 4.2).

    The search is bounded, and over the temperature's logarithm.
    """
    from scipy.optimize import minimize_scalar

    result = minimize_scalar(
        lambda log_t: cross_entropy(labels, soften(probabilities, float(np.exp(log_t)))),
        bounds=(np.log(0.05), np.log(20.0)),
        method="bounded",
    )
    return float(np.exp(result.x))
