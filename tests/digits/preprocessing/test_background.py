"""A small picture read as a whole: its paper goes, its digit stays where it is."""

import cv2
import numpy as np
import pytest

from pipeline.digits.preprocessing.background import (
    against_rim,
    against_surroundings,
    whole_readings,
)


@pytest.fixture
def digit():
    """A soft ring, as high as MNIST's digits, in the middle."""
    image = np.zeros((28, 28), np.uint8)
    cv2.ellipse(image, (14, 14), (6, 9), 0, 0, 360, 255, 2, cv2.LINE_AA)
    return image


def likeness(one, other):
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


def test_clean_paper_is_left_as_it_is(digit):
    assert np.array_equal(against_rim(digit), digit)
    assert likeness(against_surroundings(digit), digit) > 0.95


@pytest.mark.parametrize("across", [True, False])
def test_bands_of_another_tone_vanish(digit, across):
    striped = digit.copy()
    for columns in (slice(0, 9), slice(20, None)):
        striped[:, columns] = 255 - striped[:, columns]
    if across:
        striped, digit = striped.T.copy(), digit.T.copy()
    assert likeness(striped, digit) < 0.1
    assert likeness(against_rim(striped), digit) > 0.98


def test_an_even_shade_vanishes(digit):
    shaded = digit // 2 + np.linspace(0, 120, 28).astype(np.uint8)
    assert np.abs(against_rim(shaded).astype(int) - digit // 2).max() <= 10


def test_clouds_are_weaker_than_strokes(digit):
    rng = np.random.default_rng(0)
    clouds = cv2.resize(rng.random((4, 4)), (28, 28), interpolation=cv2.INTER_CUBIC)
    cloudy = (digit / 4 + 150 * np.clip(clouds, 0, 1)).astype(np.uint8)
    assert likeness(cloudy, digit) < 0.7
    assert likeness(against_surroundings(cloudy), digit) > 0.8
    assert against_surroundings(cloudy).max() == 255


def test_a_digit_in_its_place_is_read_as_a_whole(digit):
    readings = whole_readings(digit, in_doubt=False)
    assert [each.shape for each in readings] == [(28, 28)] * 2
    assert all(each.dtype == np.uint8 for each in readings)


def test_a_digit_elsewhere_or_of_another_size_is_not(digit):
    small = np.zeros((28, 28), np.uint8)
    small[8:20, 8:20] = cv2.resize(digit, (12, 12), interpolation=cv2.INTER_AREA)
    for elsewhere in (np.roll(digit, 4, axis=1), np.roll(digit, 3, axis=0), small):
        assert whole_readings(elsewhere, in_doubt=False) == ()
        assert len(whole_readings(elsewhere, in_doubt=True)) == 2


def test_a_line_across_may_hide_where_the_digit_is(digit):
    moved = np.roll(digit, 3, axis=0)
    moved[3, 2:26] = 255
    assert len(whole_readings(moved, in_doubt=False)) == 2


def test_noise_all_over_may_hide_it_too_but_a_digit_that_fills_the_picture_is_elsewhere(digit):
    filling = cv2.resize(digit[4:24, 7:21], (28, 28), interpolation=cv2.INTER_AREA)
    assert whole_readings(filling, in_doubt=False) == ()
    noisy = np.where(np.random.default_rng(0).random((28, 28)) < 0.1, 255, filling)
    assert len(whole_readings(noisy.astype(np.uint8), in_doubt=False)) == 2


@pytest.mark.parametrize("tone", [0, 90, 255])
def test_nothing_is_read_from_even_paper(tone):
    even = np.full((28, 28), tone, np.uint8)
    assert not against_rim(even).any()
    assert not against_surroundings(even).any()
    assert whole_readings(even, in_doubt=False) == ()
