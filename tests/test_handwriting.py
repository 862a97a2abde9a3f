"""Digits drawn from strokes of our own look as MNIST's do."""

import cv2
import numpy as np

from pipeline.digits.handwriting import FORMS, draw_digits

DRAWN = draw_digits(300, np.random.default_rng(0))


def test_digits_fill_the_box_and_are_centred_by_mass():
    for image in DRAWN.images:
        _, _, width, height = cv2.boundingRect((image > 32).astype(np.uint8))
        assert 18 <= max(width, height) <= 21
        moments = cv2.moments(image)
        assert abs(moments["m10"] / moments["m00"] - 13.5) <= 0.6
        assert abs(moments["m01"] / moments["m00"] - 13.5) <= 0.6


def test_they_are_light_on_dark_with_soft_edges():
    assert DRAWN.images.dtype == np.uint8
    assert DRAWN.images.max() == 255
    assert not DRAWN.images[:, [0, 0, -1, -1], [0, -1, 0, -1]].any()
    assert ((DRAWN.images > 20) & (DRAWN.images < 230)).any(axis=(1, 2)).all()


def test_every_digit_comes_and_no_two_are_alike():
    assert set(DRAWN.labels) == set(range(10)) == set(range(len(FORMS)))
    assert len({image.tobytes() for image in DRAWN.images}) == 300


def test_the_same_seed_draws_the_same_digits():
    assert np.array_equal(
        draw_digits(5, np.random.default_rng(3)).images,
        draw_digits(5, np.random.default_rng(3)).images,
    )
