"""The pictures of an epoch follow from seed and epoch alone, each with its label."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from support.training import GENTLE, PLAN, TRAIN

from pipeline.digits.splits import Split
from pipeline.digits.training.drawing.handwriting import draw_digits
from pipeline.digits.training.epochs import (
    NO_CLASS,
    ahead,
    draw,
    epoch_pictures,
    pictures_of_epoch,
)


def test_order_and_distortion_follow_seed_and_epoch_alone():
    first = epoch_pictures(TRAIN, GENTLE, 1, 5)
    again = epoch_pictures(TRAIN, GENTLE, 1, 5)
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.labels, again.labels)
    for other in (epoch_pictures(TRAIN, GENTLE, 1, 6), epoch_pictures(TRAIN, GENTLE, 2, 5)):
        assert not np.array_equal(first.labels, other.labels)


def pairs(split):
    return sorted((image.tobytes(), label) for image, label in zip(*parts(split), strict=True))


def parts(split):
    return split.images, split.labels


def test_every_picture_is_met_once_an_epoch_with_its_label():
    assert pairs(epoch_pictures(TRAIN, None, 1, 1)) == pairs(TRAIN)


def test_a_share_of_the_pictures_is_drawn_anew_each_epoch():
    rng = np.random.default_rng(0)
    blank = Split(np.zeros((1000, 28, 28), np.uint8), np.zeros(1000, np.uint8))
    drawn = draw_digits(50, rng)
    first, second = (epoch_pictures(blank, None, 1, epoch, [(0.1, drawn)]) for epoch in (1, 2))
    replaced = first.images.any(axis=(1, 2))
    assert 60 < replaced.sum() < 140
    known = {(i.tobytes(), int(k)) for i, k in zip(drawn.images, drawn.labels, strict=True)}
    for image, label in zip(first.images[replaced], first.labels[replaced], strict=True):
        assert (image.tobytes(), int(label)) in known
    assert not np.array_equal(first.images, second.images)
    assert not blank.images.any()


THREES = Split(np.full((400, 28, 28), 90, np.uint8), np.full(400, 3, np.uint8))


def test_drawings_of_no_class_are_mixed_in_only_if_asked_for():
    assert draw(THREES, 0, 0, seed=1, places=100) == []
    (digits_share, digits), (others_share, others) = draw(THREES, 0.2, 0.1, seed=1, places=1000)
    assert (digits_share, others_share) == (0.2, 0.1)
    assert (len(digits), len(others)) == (200, 100)
    assert digits.labels.max() == 9
    assert set(others.labels) == {NO_CLASS}


def test_half_of_the_drawn_digits_are_training_pictures_redrawn():
    [(_, drawn)] = draw(THREES, 0.5, 0, seed=1, places=1000)
    by_pen, own = drawn.take(np.arange(250)), drawn.take(np.arange(250, 500))
    assert set(by_pen.labels) == set(range(10))
    assert set(own.labels) == {3}
    assert np.median(own.images, axis=0)[14, 14] == 90 != np.median(by_pen.images, axis=0)[14, 14]


def test_the_plan_decides_what_is_mixed_in():
    blank = Split(np.zeros((400, 28, 28), np.uint8), np.full(400, 3, np.uint8))
    plan = replace(PLAN, drawn_share=0.3, other_share=0.2, distortion=None)
    pictures = pictures_of_epoch(blank, plan)(1)
    shares = [(pictures.labels == NO_CLASS).mean(), pictures.images.any(axis=(1, 2)).mean()]
    # Half of the drawn ones are blank pictures redrawn, which stay blank.
    assert shares == pytest.approx([0.2, 0.15 * 0.8 + 0.2], abs=0.06)


def test_the_next_pictures_are_made_while_these_are_learned_from():
    begun = {number: threading.Event() for number in (3, 4, 5)}

    def make(number):
        begun[number].set()
        return number

    numbers = []
    for number in ahead(make, range(3, 6)):
        numbers.append(number)
        assert number == 5 or begun[number + 1].wait(10)
    assert numbers == [3, 4, 5]


def test_no_epochs_need_no_pictures():
    assert list(ahead(lambda _: pytest.fail("nothing is to be made"), range(5, 5))) == []
