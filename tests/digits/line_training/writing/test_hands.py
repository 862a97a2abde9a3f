"""Digits drawn as other hands write them have MNIST's height."""

import numpy as np
from support.kept import assert_as_kept

from pipeline.digits.line_training.writing.hands import draw_digits, draw_signs


def test_digits_of_all_ten_kinds_are_drawn_as_high_as_those_of_mnist():
    drawn = draw_digits(100, np.random.default_rng(0))
    assert set(drawn.labels.tolist()) == set(range(10))
    heights = [np.flatnonzero((image > 90).any(axis=1)) for image in drawn.images]
    assert np.median([rows[-1] - rows[0] + 1 for rows in heights]) in (19, 20, 21)


def test_the_same_state_draws_the_same():
    first, again = (draw_digits(5, np.random.default_rng(2)) for _ in range(2))
    assert first.images.tobytes() == again.images.tobytes()
    first, again = (draw_signs(5, np.random.default_rng(2)) for _ in range(2))
    assert first.tobytes() == again.tobytes()


def test_a_seed_draws_what_it_has_always_drawn():
    rng = np.random.default_rng(1)
    assert_as_kept("hands", np.concatenate([draw_digits(60, rng).images, draw_signs(40, rng)]))
