"""Measure a network on corrupted pictures, on its own mistakes and on pictures of no class."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.robustness import corruptions, outliers
from pipeline.digits.robustness.ranking import auroc, certainty, fpr_at_95_tpr
from pipeline.digits.splits import Split
from pipeline.system.arrays import Pixels

SEED = 0  # the same pictures for every network, so that differences are the networks'
TIMED_PICTURES = 200


@dataclass(frozen=True)
class Robustness:
    """What a network does with pictures unlike those it was trained on.

    Attributes:
        corrupted: Share of the corrupted pictures read right, 0..1, by kind of corruption.
        corrupted_pictures: Number of pictures of each kind.
        standard_error: Of the mean over the kinds: by how much it would vary with other pictures.
        error_auroc: How often an answer that is right is more certain than one that is wrong, 0..1;
            1 if none is wrong, 0 if all are.
        outlier_auroc: How often a picture of a class is read with more certainty than one of no
            class, 0..1, by kind of the latter.
        outlier_fpr95: Share of the pictures of no class, 0..1, that pass the certainty that 95 % of
            the others pass, by kind.
    """

    corrupted: Mapping[str, float]
    corrupted_pictures: int
    standard_error: float
    error_auroc: float
    outlier_auroc: Mapping[str, float]
    outlier_fpr95: Mapping[str, float]

    def summary(self) -> dict[str, float]:
        """Return the figures to compare networks by.

        All kinds of outliers are equally many, so their mean is the figure of all of them.
        """
        return {
            "corrupted_accuracy": fmean(self.corrupted.values()),
            "error_auroc": self.error_auroc,
            "outlier_auroc": fmean(self.outlier_auroc.values()),
            "outlier_fpr95": fmean(self.outlier_fpr95.values()),
        }

    def by_kind(self) -> dict[str, float]:
        """Return the figures of every kind, named such as "corrupted_accuracy/shot_noise"."""
        figures = {
            "corrupted_accuracy": self.corrupted,
            "outlier_auroc": self.outlier_auroc,
            "outlier_fpr95": self.outlier_fpr95,
        }
        return {
            f"{name}/{kind.replace(' ', '_')}": value
            for name, by_kind in figures.items()
            for kind, value in by_kind.items()
        }


def measure(
    classifier: Classifier, part: Split, probabilities: NDArray[np.float32], pictures: int
) -> Robustness:
    """Measure a network.

    Args:
        classifier: The network.
        part: The pictures and their classes.
        probabilities: Its calibrated answers to them, (n, classes).
        pictures: How many of them to corrupt in each way: at most so many, evenly spread. Half as
            many pictures of no class are drawn of each kind.
    """
    chosen = part.take(_evenly(len(part), pictures))
    hits = np.stack([_hits(classifier, chosen, kind) for kind in corruptions.KINDS])
    right = probabilities.argmax(axis=1) == part.labels
    sure = certainty(probabilities)
    none = {
        kind: _certainty_of_outliers(classifier, kind, pictures // 2) for kind in outliers.KINDS
    }
    return Robustness(
        corrupted=dict(zip(corruptions.KINDS, hits.mean(axis=1).tolist(), strict=True)),
        corrupted_pictures=len(chosen),
        standard_error=float(hits.mean(axis=0).std() / np.sqrt(len(chosen))),
        error_auroc=_error_auroc(sure, right),
        outlier_auroc={kind: auroc(sure, scores) for kind, scores in none.items()},
        outlier_fpr95={kind: fpr_at_95_tpr(sure, scores) for kind, scores in none.items()},
    )


def _error_auroc(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    if right.all() or not right.any():
        return float(right.all())
    return auroc(sure[right], sure[~right])


def _evenly(count: int, wanted: int) -> NDArray[np.int64]:
    """Return the rows of at most so many pictures: MNIST's first 5,000 are easier than its last."""
    return np.linspace(0, count - 1, min(count, wanted)).astype(np.int64)


def _hits(classifier: Classifier, chosen: Split, kind: str) -> NDArray[np.bool_]:
    answers = classifier.raw_probabilities(corruptions.corrupt(chosen.images, kind, SEED))
    hits: NDArray[np.bool_] = answers.argmax(axis=1) == chosen.labels
    return hits


def _certainty_of_outliers(classifier: Classifier, kind: str, count: int) -> NDArray[np.float64]:
    pictures = outliers.draw_outliers(kind, count, classifier.input_shape, SEED)
    return certainty(classifier.probabilities(pictures))


def cost(network: Path, images: Pixels) -> dict[str, float]:
    """Return what reading a picture costs.

    Args:
        network: The ONNX file.
        images: Pictures to read, uint8 (n, height, width); the first ones are.

    Returns:
        "ms_per_picture": the median time of one picture, alone and on one thread, in milliseconds.
        "model_bytes": the size of the file.
    """
    classifier = Classifier.load(network, threads=1)
    times = []
    for number in range(TIMED_PICTURES):
        picture = images[number % len(images)][None]
        begun = time.perf_counter()
        classifier.probabilities(picture)
        times.append(time.perf_counter() - begun)
    return {"ms_per_picture": 1000 * median(times), "model_bytes": network.stat().st_size}
