"""Notice when pictures are of another kind than those that a network was trained on.

A small reference is kept with the network: how sure it was of validation pictures that it took for
each digit, and what their ink was like. What it is given later is compared with that, digit by
digit, so many sevens are no other kind.
"""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.system.arrays import Pixels

Floats = NDArray[np.float64]

FEWEST_PICTURES = 30
FEWEST_OF_REFERENCE = 200
FEWEST_OF_CLASS = 20
ALARM = 0.05
"""Pictures of the same kind raise an alarm this often at most."""
LEVELS = np.linspace(0, 1, 21)
MEASURES = {
    "doubt": ("more sure", "less sure"),
    "ink": ("less ink", "more ink"),
    "width": ("thinner strokes", "thicker strokes"),
    "extent": ("narrower", "broader"),
    "slant": ("leaning more to the right", "leaning more to the left"),
}
"""What is compared, with the words for less and for more of it."""
TOLERANCE = {"doubt": 0.03, "ink": 0.1, "width": 0.3, "extent": 0.06, "slant": 0.08}
"""Differences between two distributions (Kolmogorov's) that mean nothing: MNIST's own test digits
and validation digits differ by as much once they are read from pictures, as pens are evened out."""


@dataclass(frozen=True)
class Drift:
    """How far pictures are from the reference.

    Attributes:
        pictures: How many were compared.
        p_value: Probability of a difference at least this large between pictures of one kind, 0..1.
        changes: What is different, in words, the greatest difference first.
    """

    pictures: int
    p_value: float
    changes: tuple[str, ...]

    @property
    def is_alarm(self) -> bool:
        """Whether the pictures are of another kind."""
        return self.p_value < ALARM

    def in_words(self) -> str:
        """Say in one line that they are of another kind."""
        return (
            f"these {self.pictures:,} pictures are of another kind than the training data: "
            f"{', '.join(self.changes)} (p = {self.p_value:.1g})"
        )


@dataclass(frozen=True)
class Reference:
    """Quantiles of each measure, by predicted class; the last row is of all classes together.

    Attributes:
        quantiles: By the names of MEASURES, float (classes + 1, levels).
    """

    quantiles: dict[str, Floats]

    @classmethod
    def of(cls, images: Pixels, probabilities: NDArray[np.floating]) -> Self | None:
        """Return the reference of some validation pictures; None if they are too few.

        Args:
            images: uint8 (n, height, width).
            probabilities: The network's calibrated answers, (n, classes).
        """
        if len(images) < FEWEST_OF_REFERENCE:
            return None
        predicted = probabilities.argmax(axis=1)
        groups = [predicted == label for label in range(probabilities.shape[1])]
        everything = np.ones(len(images), bool)
        rows = [g if g.sum() >= FEWEST_OF_CLASS else everything for g in [*groups, everything]]
        found = measure(images, probabilities)
        return cls(
            {
                name: np.stack([np.quantile(values[row], LEVELS) for row in rows])
                for name, values in found.items()
            }
        )

    def to_text(self) -> str:
        """Return it as text, with four digits a number."""
        return json.dumps(
            {
                name: [[float(f"{value:.4g}") for value in row] for row in rows]
                for name, rows in self.quantiles.items()
            }
        )

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return what `to_text` wrote."""
        return cls({name: np.array(rows) for name, rows in json.loads(text).items()})

    def compare(self, images: Pixels, probabilities: NDArray[np.floating]) -> Drift | None:
        """Compare pictures with the reference; None if they are too few.

        Every measure is placed among those of the same predicted class (0..1), and the places are
        compared with a uniform distribution by Kolmogorov and Smirnov's test; Bonferroni's
        correction makes one p-value of all.

        Args:
            images: uint8 (n, height, width).
            probabilities: The network's calibrated answers, (n, classes).
        """
        inked = images.any(axis=(1, 2))
        images, probabilities = images[inked], probabilities[inked]
        if len(images) < FEWEST_PICTURES:
            return None
        predicted = probabilities.argmax(axis=1)
        places = {
            name: _places(values, predicted, self.quantiles[name])
            for name, values in measure(images, probabilities).items()
        }
        p_values = {name: _p_value(each, TOLERANCE[name]) for name, each in places.items()}
        corrected = {name: min(1.0, p * len(MEASURES)) for name, p in p_values.items()}
        found = sorted((p, name) for name, p in corrected.items() if p < ALARM)
        changes = tuple(MEASURES[name][int(places[name].mean() > 0.5)] for _, name in found)
        return Drift(len(images), min(corrected.values()), changes)


class Window:
    """The last pictures that a network has read, to be compared with its reference."""

    def __init__(self, reference: Reference | None, size: int) -> None:
        """Begin with none.

        Args:
            reference: The network's; None for an old one: then nothing is compared.
            size: How many pictures to remember.
        """
        self._reference = reference
        self._read: deque[tuple[Pixels, NDArray[np.float32]]] = deque(maxlen=size)

    def add(self, image: Pixels | None, probabilities: NDArray[np.float32] | None) -> None:
        """Remember a picture and its answer; None of a picture that could not be read."""
        if self._reference and image is not None and probabilities is not None:
            self._read.append((image, probabilities))

    def compare(self) -> Drift | None:
        """Compare what is remembered with the reference; None if it is too little."""
        read = list(self._read)
        if self._reference is None or len(read) < FEWEST_PICTURES:
            return None
        images, probabilities = zip(*read, strict=True)
        return self._reference.compare(np.stack(images), np.stack(probabilities))


def measure(images: Pixels, probabilities: NDArray[np.floating]) -> dict[str, Floats]:
    """Measure how sure a network is of pictures, and their ink; each measure (n,).

    Doubt is the decadic logarithm of the other classes' probability. The strokes' width is twice
    their area by the length of their outline, the ink's total variation. Extent and slant come from
    the ink's second moments: width by height, and the shift to the right for each step down.
    """
    ink = images.astype(np.float64) / 255
    total = ink.sum(axis=(1, 2)) + 1e-9
    down, across = np.gradient(ink, axis=(1, 2))
    outline = np.hypot(down, across).sum(axis=(1, 2)) + 1e-9
    rows, columns = (_offsets(ink.sum(axis=axis), total) for axis in (2, 1))
    spread = [(ink.sum(axis=a) * o**2).sum(axis=1) / total for a, o in ((1, columns), (2, rows))]
    both = np.einsum("nyx,ny,nx->n", ink, rows, columns) / total
    others = np.sort(probabilities.astype(np.float64), axis=1)[:, :-1].sum(axis=1)
    return {
        "doubt": np.log10(others + 1e-30),
        "ink": total / ink[0].size,
        "width": 2 * total / outline,
        "extent": np.sqrt(spread[0] / (spread[1] + 1e-9)),
        "slant": both / (spread[1] + 1e-9),
    }


def _offsets(profile: Floats, total: Floats) -> Floats:
    """Return the distance of each row, or column, from the centre of mass: (n, side)."""
    places = np.arange(profile.shape[1])
    return places - (profile @ places / total)[:, None]


def _places(values: Floats, predicted: NDArray[np.integer], quantiles: Floats) -> Floats:
    found = np.empty(len(values))
    for label in np.unique(predicted):
        row = predicted == label
        found[row] = np.interp(values[row], quantiles[label], LEVELS)
    return found


def _p_value(places: Sequence[float] | Floats, tolerance: float) -> float:
    """Return the p-value of a uniform distribution of places 0..1, up to a tolerance."""
    from scipy.stats import kstwo

    ordered, count = np.sort(places), len(places)
    above = (np.arange(1, count + 1) / count - ordered).max()
    below = (ordered - np.arange(count) / count).max()
    return float(kstwo.sf(max(0.0, max(above, below) - tolerance), count))
