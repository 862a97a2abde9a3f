"""The pictures of a lesson: some known ones, and each correction several times."""

import numpy as np

from pipeline.digits.splits import Split
from pipeline.teaching.learning import Pace, mix

PACE = Pace(known_pictures=80, corrections_share=0.2, most_copies=5)


def split(count, label):
    return Split(np.full((count, 28, 28), label, np.uint8), np.full(count, label, np.uint8))


def test_corrections_are_repeated_until_they_are_a_fifth():
    mixed = mix(split(1000, 1), split(10, 2), PACE, seed=0)
    assert np.bincount(mixed.labels).tolist() == [0, 80, 20]
    assert (mixed.images[:, 0, 0] == mixed.labels).all()


def test_few_are_not_repeated_for_ever_and_many_are_all_there():
    assert np.bincount(mix(split(1000, 1), split(2, 2), PACE, seed=0).labels)[2] == 10
    assert np.bincount(mix(split(1000, 1), split(99, 2), PACE, seed=0).labels)[2] == 99
