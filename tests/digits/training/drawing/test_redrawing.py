"""Digits are redrawn wider, narrower and coarser, and keep MNIST's form."""

import cv2
import numpy as np
import pytest
from support.kept import assert_as_kept

from pipeline.digits.training.drawing import redrawing
from pipeline.digits.training.drawing.handwriting import draw_digits
from pipeline.digits.training.drawing.redrawing import redraw


@pytest.fixture(scope="module")
def digits():
    return draw_digits(200, np.random.default_rng(0)).images


def boxes(images):
    """Return width and height of each digit, (n, 2)."""
    return np.array([cv2.boundingRect((image > 32).astype(np.uint8))[2:] for image in images])


def hard(images):
    """Return the share of the inked pixels that are black or nearly so."""
    return (images > 230).sum() / (images > 25).sum()


def only(monkeypatch, *, wider=1.0, coarse=False):
    """Let redraw do this to every picture, and nothing else."""
    monkeypatch.setattr(redrawing, "WIDENING", (wider, wider))
    if not coarse:
        monkeypatch.setattr(redrawing, "_coarse", lambda digit, grid, rng: digit)


def test_redrawn_digits_fill_the_box_and_are_centred_by_mass(digits):
    redrawn = redraw(digits, np.random.default_rng(1))
    assert redrawn.shape == digits.shape
    assert redrawn.dtype == np.uint8
    longer = boxes(redrawn).max(axis=1)
    assert (longer >= 18).mean() > 0.97
    assert longer.max() <= 20
    for image in redrawn:
        moments = cv2.moments(image)
        assert abs(moments["m10"] / moments["m00"] - 14) <= 0.6
        assert abs(moments["m01"] / moments["m00"] - 14) <= 0.6


@pytest.mark.parametrize("wider", [0.78, 1.9])
def test_digits_are_redrawn_wider_or_narrower(monkeypatch, digits, wider):
    only(monkeypatch, wider=wider)
    before, after = (np.divide(*boxes(each).T) for each in (digits, redraw(digits, rng())))
    assert np.median(after / before) == pytest.approx(wider, rel=0.06)


def rng():
    return np.random.default_rng(4)


def test_a_coarse_digit_has_the_steps_of_its_grid(monkeypatch, digits):
    seen = []
    coarse = redrawing._coarse
    monkeypatch.setattr(redrawing, "_coarse", lambda *a: seen.append(coarse(*a)) or seen[-1])
    redraw(digits, rng())
    assert 0.35 < len(seen) / len(digits) < 0.65
    assert {value for each in seen for value in np.unique(each)} == {0, 255}
    sides = {max(each.shape) for each in seen}
    assert (min(sides), max(sides)) == (14, 22)


def test_what_has_no_ink_stays_as_it_is(monkeypatch):
    blank, dot = np.zeros((2, 28, 28), np.uint8)
    dot[14, 14] = 40  # below the ink that a coarse grid shows
    monkeypatch.setattr(redrawing, "BLACK", (256, 256))
    dots = np.stack([blank, *[dot] * 9])
    assert np.array_equal(redraw(dots, rng()).any(axis=(1, 2)), dots.any(axis=(1, 2)))


def test_a_seed_redraws_as_it_has_always_done(digits):
    first, again = (redraw(digits[:60], rng()) for _ in range(2))
    assert np.array_equal(first, again)
    assert_as_kept("redrawn", first, columns=20)
