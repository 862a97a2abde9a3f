"""The pictures of each epoch: shuffled, distorted, mixed with drawings."""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pipeline.digits.splits import Split
from pipeline.digits.training.augmentation import Distortion, distort
from pipeline.digits.training.handwriting import draw_digits, draw_others

# Enough of each to choose from, distorted anew each time; drawing them takes two to three seconds.
MOST_DRAWINGS = 5_000

# The label of a picture that shows none of the classes.
NO_CLASS = 255


def pictures_of_epoch(
    train: Split,
    distortion: Distortion | None,
    mix: tuple[float, float],
    seed: int,
    numbers: range,
) -> Callable[[int], Split]:
    """Return a function that makes the pictures of an epoch by its number."""
    drawings = draw(*mix, seed, places=len(train) * numbers[-1])
    return lambda number: epoch_pictures(train, distortion, seed, number, drawings)


def ahead(make: Callable[[int], Split], numbers: range) -> Iterator[Split]:
    """Return the pictures of each epoch, making the next ones while these are learned from.

    Args:
        make: Makes the pictures of an epoch by its number.
        numbers: Of the epochs.
    """
    if not numbers:
        return
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="pictures") as maker:
        coming = maker.submit(make, numbers[0])
        for number in numbers:
            pictures = coming.result()
            if number != numbers[-1]:
                coming = maker.submit(make, number + 1)
            yield pictures


def draw(
    drawn_share: float, other_share: float, seed: int, places: int
) -> list[tuple[float, Split]]:
    """Draw the digits, and what is none, to be mixed into the epochs; return each with its share.

    Args:
        drawn_share: Share of the places, 0..1, that drawn digits will take.
        other_share: Share that other drawings will take.
        seed: The same seed gives the same drawings.
        places: Pictures of all epochs together. No more is drawn than they have room for.
    """
    rng = np.random.default_rng(seed)
    drawings = []
    if drawn_share:
        drawings.append((drawn_share, draw_digits(_worth_drawing(drawn_share, places), rng)))
    if other_share:
        others = draw_others(_worth_drawing(other_share, places), rng)
        drawings.append((other_share, Split(others, np.full(len(others), NO_CLASS, np.uint8))))
    return drawings


def _worth_drawing(share: float, places: int) -> int:
    return min(MOST_DRAWINGS, math.ceil(share * places))


def epoch_pictures(
    train: Split,
    distortion: Distortion | None,
    seed: int,
    epoch: int,
    drawings: Sequence[tuple[float, Split]] = (),
) -> Split:
    """Return the pictures of one epoch in their order: shuffled, distorted if so wished.

    Drawings take the places of a share of them. The same seed and epoch give the same pictures,
    whatever came before.
    """
    rng = np.random.default_rng((seed, epoch))
    pictures = train.take(rng.permutation(len(train)))
    for share, drawn in drawings:
        places = rng.random(len(train)) < share
        replacements = drawn.take(rng.integers(0, len(drawn), places.sum()))
        pictures.images[places], pictures.labels[places] = replacements.images, replacements.labels
    if distortion is None:
        return pictures
    return Split(distort(pictures.images, distortion, rng), pictures.labels)
