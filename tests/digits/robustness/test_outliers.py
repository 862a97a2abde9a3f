import numpy as np
import pytest

from pipeline.digits.robustness.outliers import KINDS, LETTERS, draw_outliers
from pipeline.digits.training.drawing.strokes import OTHER_FORMS


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_draws_the_same_pictures_of_the_size_asked_for(kind):
    drawn = draw_outliers(kind, 20, (28, 28), 1)
    assert (drawn.dtype, drawn.shape) == (np.uint8, (20, 28, 28))
    assert np.array_equal(drawn, draw_outliers(kind, 20, (28, 28), 1))
    assert not np.array_equal(drawn, draw_outliers(kind, 20, (28, 28), 2))
    assert len({picture.tobytes() for picture in drawn}) == 20
    assert draw_outliers(kind, 2, (20, 36), 1).shape == (2, 20, 36)


@pytest.mark.parametrize("kind", ["letters", "scribbles"])
def test_strokes_are_in_the_form_of_digits(kind):
    drawn = draw_outliers(kind, 100, (28, 28), 1).astype(float)
    assert (drawn[:, 0] == 0).all()
    mass = drawn.sum(axis=(1, 2))
    for axis in (1, 2):
        middle = (drawn.sum(axis=axis) * (np.arange(28) + 0.5)).sum(axis=1) / mass
        assert np.abs(middle - 14).max() < 0.6
    tall = np.maximum(*((drawn > 40).any(axis=axis).sum(axis=1) for axis in (1, 2)))
    assert tall.min() >= 17
    assert tall.max() <= 22


def test_textures_fill_the_picture():
    drawn = draw_outliers("textures", 100, (28, 28), 1)
    assert (drawn.max(axis=(1, 2)) == 255).all()
    assert (np.abs(drawn[:, [0, -1]].astype(float)).mean(axis=(1, 2)) > 10).all()


def test_no_letter_is_one_that_is_trained_on():
    assert not set(LETTERS) & set(OTHER_FORMS)
