"""Digits drawn from strokes of our own look as MNIST's do."""

import cv2
import numpy as np
import pytest
from support.kept import assert_as_kept

from pipeline.digits.training.drawing import handwriting
from pipeline.digits.training.drawing.handwriting import draw_digits
from pipeline.digits.training.drawing.strokes import FORMS, FORMS_ELSEWHERE


@pytest.fixture(scope="module")
def drawn():
    return draw_digits(300, np.random.default_rng(0))


@pytest.fixture
def images(drawn):
    return drawn.images


def test_drawings_fill_the_box_and_are_centred_by_mass(images):
    for image in images:
        _, _, width, height = cv2.boundingRect((image > 32).astype(np.uint8))
        assert 18 <= max(width, height) <= 21
        moments = cv2.moments(image)
        assert abs(moments["m10"] / moments["m00"] - 14) <= 0.6
        assert abs(moments["m01"] / moments["m00"] - 14) <= 0.6


def test_they_are_light_on_dark_with_soft_edges(images):
    assert images.dtype == np.uint8
    assert images.max() == 255
    assert not images[:, [0, 0, -1, -1], [0, -1, 0, -1]].any()
    assert ((images > 20) & (images < 230)).any(axis=(1, 2)).all()


def test_no_two_are_alike(images):
    assert len({image.tobytes() for image in images}) == 300


def test_every_digit_comes_under_its_label(monkeypatch, drawn):
    assert (
        set(drawn.labels)
        == set(range(10))
        == set(range(len(FORMS)))
        == set(range(len(FORMS_ELSEWHERE)))
    )
    for digit in range(10):
        # With all other digits' strokes in a place of their own, only those of this one are drawn.
        for name, forms in (("FORMS", FORMS), ("FORMS_ELSEWHERE", FORMS_ELSEWHERE)):
            level = [forms[each] if each == digit else (("0,50 300,50",),) for each in range(10)]
            monkeypatch.setattr(handwriting, name, tuple(level))
        these = draw_digits(60, np.random.default_rng(digit))
        flat = [cv2.boundingRect((image > 32).astype(np.uint8))[3] < 9 for image in these.images]
        assert (np.array(flat) == (these.labels != digit)).all()


def test_the_same_seed_draws_the_same():
    first, second, other = (
        draw_digits(5, np.random.default_rng(seed)).images for seed in (3, 3, 4)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_seed_draws_what_it_has_always_drawn(drawn):
    assert_as_kept("handwriting", drawn.images[:60], columns=20)
