"""Pictures that occur twice, equal or nearly so: in a test set they flatter the accuracy.

Comparing all 70,000 pictures of MNIST with each other takes half a minute. As perceptual hashes do
(C. Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010), each
picture is therefore described by its lowest frequencies, in steps. Only pictures with the same
description are compared. Two nearly equal ones can lie on both sides of a step, so the steps are
laid in several ways: of 500 pictures saved again as JPEG of quality 75, 494 are found.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.splits import Split
from pipeline.system.arrays import Pixels

# Distance of two pictures, each scaled to length 1, up to which they are nearly equal. Copies that
# were saved as JPEG, brightened or made noisy are mostly below; in MNIST, the two most similar
# digits of two people are above.
NEAR = 0.12

_FREQUENCIES = 6  # per direction
_STEP = 0.2  # of a description, of pictures of length 1
_WAYS = 4  # of laying the steps
_MOST_NEIGHBOURS = 400  # compared with a picture: a thousand alike would take for ever
_PIXELS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Place:
    """Where a picture is: in which split, and in which row of it."""

    split: str
    row: int


@dataclass(frozen=True)
class Duplicate:
    """A picture that occurs twice.

    Attributes:
        first: Where it occurs first, in the order of the splits.
        second: Where it occurs again.
        distance: Between the two, each scaled to length 1: 0 if all pixels are equal, else below
            NEAR.
        same_label: Whether both have the same label.
    """

    first: Place
    second: Place
    distance: float
    same_label: bool

    @property
    def is_exact(self) -> bool:
        """Whether all pixels are equal."""
        return self.distance == 0

    @property
    def is_across(self) -> bool:
        """Whether it occurs in two splits."""
        return self.first.split != self.second.split


def find_duplicates(splits: Mapping[str, Split]) -> list[Duplicate]:
    """Find pictures that occur twice.

    Equal ones are found within a split and across splits, nearly equal ones across splits only:
    within a split they do no harm. A copy is listed once, with its first occurrence.

    Args:
        splits: By name, pictures of one size.

    Returns:
        Those with two labels first, then those across splits, then the most similar.
    """
    images = np.concatenate([split.images for split in splits.values()])
    labels = np.concatenate([split.labels for split in splits.values()])
    starts = np.cumsum([0, *(len(split) for split in splits.values())])
    belongs = np.repeat(np.arange(len(splits)), np.diff(starts))
    names = list(splits)

    def place(row: int) -> Place:
        return Place(names[belongs[row]], int(row - starts[belongs[row]]))

    first = _first_occurrences(images)
    again = np.flatnonzero(first != np.arange(len(images)))
    pairs = [(int(first[row]), int(row), 0.0) for row in again]
    pairs += _near_pairs(images, np.setdiff1d(np.arange(len(images)), again), belongs)
    found = [
        Duplicate(place(a), place(b), distance, bool(labels[a] == labels[b]))
        for a, b, distance in pairs
    ]
    return sorted(found, key=lambda each: (each.same_label, not each.is_across, each.distance))


def _first_occurrences(images: Pixels) -> NDArray[np.int64]:
    """Return for each picture the row of the first one that equals it, its own if none does."""
    seen: dict[bytes, int] = {}
    rows = [seen.setdefault(image.tobytes(), row) for row, image in enumerate(images)]
    return np.array(rows, np.int64)


def _near_pairs(
    images: Pixels, rows: NDArray[np.int64], belongs: NDArray[np.int64]
) -> list[tuple[int, int, float]]:
    """Return the pairs of rows in two splits whose pictures are nearly equal, with distances."""
    near: dict[tuple[int, int], float] = {}
    for pairs in _candidates(_descriptions(images[rows])):
        one, other = rows[np.sort(pairs)].T
        across = belongs[one] != belongs[other]
        one, other = one[across], other[across]
        for chunk in _chunks(len(one), images):
            a, b = one[chunk], other[chunk]
            distances = np.linalg.norm(_unit(images[a]) - _unit(images[b]), axis=1)
            for i in np.flatnonzero(distances < NEAR):
                near[int(a[i]), int(b[i])] = max(float(distances[i]), 1e-9)
    closest: dict[int, tuple[int, int, float]] = {}
    for first, second in sorted(near, key=near.__getitem__):
        closest.setdefault(second, (first, second, near[first, second]))
    return list(closest.values())


def _candidates(descriptions: NDArray[np.float32]) -> Iterator[NDArray[np.int64]]:
    """Yield pairs of rows (n, 2) whose descriptions lie on the same steps, far from all of them."""
    rng = np.random.default_rng(0)
    mixing = rng.integers(1, 2**62, descriptions.shape[1])
    # In an order by chance: where too many are alike, each is compared with some of every split.
    order = rng.permutation(len(descriptions))
    for way in range(_WAYS):
        steps = np.floor(descriptions[order] / _STEP + way / _WAYS).astype(np.int64)
        keys = steps @ mixing  # different steps that share a key cost a comparison, no more
        by_key = np.argsort(keys, kind="stable")
        keys, rows = keys[by_key], order[by_key]
        begins = np.arange(len(rows))
        for neighbour in range(1, _MOST_NEIGHBOURS + 1):
            begins = begins[begins + neighbour < len(rows)]
            begins = begins[keys[begins] == keys[begins + neighbour]]
            if not len(begins):
                break
            yield np.column_stack([rows[begins], rows[begins + neighbour]])


def _descriptions(images: Pixels) -> NDArray[np.float32]:
    """Return the lowest frequencies of pictures, each scaled to length 1: (n, _FREQUENCIES²)."""
    down, across = (_cosines(side) for side in images.shape[1:])
    basis = np.einsum("ai,bj->ijab", down, across).reshape(down.shape[1] * across.shape[1], -1)
    described = [_unit(images[chunk]) @ basis for chunk in _chunks(len(images), images)]
    return np.concatenate(described or [basis[:0]])


def _chunks(count: int, images: Pixels) -> Iterator[slice]:
    """Yield slices of `count` pictures or pairs, few enough to be held as floats."""
    size = max(1, _PIXELS_AT_ONCE // max(1, images[0].size if len(images) else 1))
    return (slice(start, start + size) for start in range(0, count, size))


def _cosines(side: int) -> NDArray[np.float32]:
    """Return the first rows of the orthonormal discrete cosine transform (DCT-II)."""
    frequency, place = np.arange(min(_FREQUENCIES, side))[:, None], np.arange(side)[None]
    waves = np.cos(np.pi * (place + 0.5) * frequency / side) * np.sqrt(2 / side)
    waves[0] /= np.sqrt(2)
    scaled: NDArray[np.float32] = waves.astype(np.float32)
    return scaled


def _unit(images: Pixels) -> NDArray[np.float32]:
    """Return pictures as vectors of length 1, a blank one as zeros."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = flat / np.maximum(lengths, np.float32(1))
    return scaled
