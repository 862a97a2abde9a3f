"""Several views of a picture: what they are, and that an answer is their mean."""

import numpy as np
import pytest

from pipeline.digits.datasets import mnist_5000
from pipeline.digits.views import CHANGES, mean_answer, views


@pytest.fixture(scope="module")
def digits():
    return mnist_5000().test.images[:40]


def test_the_first_view_is_the_picture_and_the_others_are_near_it(digits):
    first, *others = views(digits)
    assert first is digits
    assert len(others) == len(CHANGES)
    flat = first.reshape(len(digits), -1).astype(float)
    for other in others:
        assert (other.dtype, other.shape) == (np.uint8, digits.shape)
        alike = [
            np.corrcoef(*pair)[0, 1]
            for pair in zip(flat, other.reshape(len(flat), -1), strict=True)
        ]
        assert 0.6 < np.median(alike) < 0.98


def test_the_changes_of_a_kind_go_either_way_about_the_centre():
    square = np.zeros((1, 28, 28), np.uint8)
    square[0, 8:20, 8:20] = 255
    _, *others = views(square)
    turned, back, slanted, upright, larger, smaller = (view[0].astype(int) for view in others)
    assert np.abs(turned - back[:, ::-1]).max() <= 16
    assert np.abs(slanted - upright[:, ::-1]).max() <= 16
    assert larger.sum() > square.sum() * 1.1
    assert smaller.sum() < square.sum() / 1.1
    for view in (turned, back, slanted, upright, larger, smaller):
        rows, columns = np.indices(view.shape)
        center = [(view * places).sum() / view.sum() for places in (rows, columns)]
        assert center == pytest.approx((13.5, 13.5), abs=0.1)


def test_an_answer_is_the_mean_over_all_views(digits):
    seen = []

    def answer(images):
        seen.append(images)
        certain = np.zeros((len(images), 10), np.float32)
        certain[:, len(seen) - 1] = 1
        return certain

    answers = mean_answer(digits, answer)
    assert len(seen) == 1 + len(CHANGES)
    assert answers.dtype == np.float32
    assert answers[:, : len(seen)] == pytest.approx(1 / len(seen))
    assert not answers[:, len(seen) :].any()


def test_no_pictures_give_no_answers():
    empty = np.empty((0, 28, 28), np.uint8)
    assert mean_answer(empty, lambda images: np.empty((len(images), 10), np.float32)).shape == (
        0,
        10,
    )
