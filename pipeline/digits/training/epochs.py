"""The pictures of each epoch: shuffled, distorted, mixed with drawings."""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from pipeline.digits.splits import Split
from pipeline.digits.training.augmentation import Distortion, distort
from pipeline.digits.training.drawing.handwriting import draw_digits
from pipeline.digits.training.drawing.others import draw_others
from pipeline.digits.training.drawing.redrawing import redraw
from pipeline.digits.training.plan import TrainingPlan
from pipeline.digits.training.sharing import SharedPictures

# Enough of each kind, since every epoch distorts them anew. Drawing them takes 2 to 3 s.
MOST_DRAWINGS = 5_000

# The label of a picture that shows none of the classes.
NO_CLASS = 255


def pictures_of_epoch(
    train: Split, plan: TrainingPlan, shared: SharedPictures | None = None
) -> Callable[[int], Split]:
    """Return a function that makes the pictures of an epoch, given its number.

    Args:
        train: The training pictures.
        plan: How to train.
        shared: Where trainings with the same pictures share them; None if they do not.
    """
    shares, places = (plan.drawn_share, plan.other_share), len(train) * plan.epochs

    @cache
    def drawings() -> list[tuple[float, Split]]:
        return draw(train, *shares, plan.seed, places)

    def make(number: int) -> Split:
        return epoch_pictures(train, plan.distortion, plan.seed, number, drawings())

    if shared is None or not (plan.distortion or any(shares)):
        return make  # where pictures are only shuffled, that is faster than reading them
    drawn = [_worth_drawing(share, places) for share in shares]
    return shared.through(make, (plan.seed, plan.distortion, shares, drawn))


def ahead(make: Callable[[int], Split], numbers: range) -> Iterator[Split]:
    """Yield the pictures of each epoch, making the next ones while the network trains on these.

    Args:
        make: Makes the pictures of an epoch, given its number.
        numbers: The numbers of the epochs, in order.
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
    train: Split, drawn_share: float, other_share: float, seed: int, places: int
) -> list[tuple[float, Split]]:
    """Draw digits and other things to mix into the epochs; return each kind with its share.

    Args:
        train: The training pictures.
        drawn_share: Share of the pictures, 0..1, that drawn digits will replace: as many drawn
            from strokes as training pictures redrawn.
        other_share: Share that other drawings will replace.
        seed: The same seed gives the same drawings.
        places: Number of pictures in all epochs together; no more are drawn than they need.
    """
    rng = np.random.default_rng(seed)
    drawings = []
    if drawn_share:
        count = _worth_drawing(drawn_share / 2, places)
        drawn, own = draw_digits(count, rng), train.take(rng.integers(0, len(train), count))
        images = redraw(np.concatenate([drawn.images, own.images]), rng)
        drawings.append((drawn_share, Split(images, np.concatenate([drawn.labels, own.labels]))))
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
    """Return the pictures of an epoch in order: shuffled, some replaced by drawings, distorted.

    The same seed and epoch give the same pictures, regardless of earlier epochs.

    Args:
        train: The training pictures.
        distortion: How far all pictures are distorted; None leaves them as they are.
        seed: The training's seed.
        epoch: The number of the epoch, from 1.
        drawings: Pictures to mix in, with the share of places, 0..1, that each kind takes.
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
