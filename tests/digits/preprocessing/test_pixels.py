"""The operations on pixels give the numbers that their names promise."""

import cv2
import numpy as np
import pytest

from pipeline.digits.preprocessing.pixels import (
    center_of_mass,
    longer_side,
    median,
    otsu_threshold,
    resize,
    shrink,
    shrink_to,
    threshold,
)


def test_a_threshold_marks_what_is_above_it():
    pixels = np.array([[0, 99, 100, 101, 255]], np.uint8)
    assert threshold(pixels, 100).tolist() == [[0, 0, 0, 1, 1]]
    assert threshold(pixels, 99.5).tolist() == [[0, 0, 1, 1, 1]]


def test_otsus_threshold_lies_between_two_tones():
    pixels = np.array([[10, 12, 14, 11, 200, 210]], np.uint8)
    level, mask = otsu_threshold(pixels)
    assert 14 <= level < 200
    assert mask.tolist() == [[0, 0, 0, 0, 1, 1]]


def test_no_pixels_have_no_threshold():
    level, mask = otsu_threshold(np.empty(0, np.uint8))
    assert (level, mask.size) == (0, 0)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 100, 101])
def test_the_median_is_numpys(count):
    values = np.random.default_rng(count).integers(0, 256, count, np.uint8)
    assert median(values) == np.median(values)


def test_the_centre_of_mass_is_weighed_by_ink():
    ink = np.zeros((5, 9), np.uint8)
    ink[1, 2], ink[3, 6] = 100, 50
    assert center_of_mass(ink) == pytest.approx(((2 * 2 + 6) / 3, (2 * 1 + 3) / 3))


def test_the_longer_side_is_that_of_the_bounding_box():
    mask = np.zeros((20, 20), np.uint8)
    assert longer_side(mask) == 0
    mask[3, 4] = mask[5, 13] = 1
    assert longer_side(mask) == 10
    assert longer_side(np.ascontiguousarray(mask.T)) == 10


def test_what_is_much_enlarged_has_the_sharper_edges():
    hole = np.full((12, 12), 255, np.uint8)
    hole[5:7, 5:7] = 0
    cubic = {scale: enlarged(hole, scale, cv2.INTER_CUBIC) for scale in (3, 5)}
    assert np.array_equal(resize(hole, 3), cubic[3])
    soft = [((image > 25) & (image < 230)).sum() for image in (resize(hole, 5), cubic[5])]
    assert soft[0] < soft[1]


def enlarged(picture, scale, how):
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=how)


def test_a_picture_is_resized_by_a_factor_and_never_to_nothing():
    picture = np.zeros((10, 41, 3), np.uint8)
    assert resize(picture, 1) is picture
    assert resize(picture, 0.5).shape == (5, 20, 3)
    assert resize(picture, 2).shape == (20, 82, 3)
    assert resize(picture, 0.01).shape == (1, 1, 3)


def test_a_smaller_size_averages_the_pixels():
    checks = np.indices((8, 8)).sum(axis=0).astype(np.uint8) % 2 * 200
    assert (resize(checks, 0.5) == 100).all()


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 6, 8])
def test_whole_blocks_are_averaged_and_the_rest_is_dropped(factor):
    picture = np.random.default_rng(0).integers(0, 256, (26, 35), np.uint8)
    rows, columns = 26 // factor, 35 // factor
    whole = picture[: rows * factor, : columns * factor].astype(float)
    means = whole.reshape(rows, factor, columns, factor).mean(axis=(1, 3))
    small = shrink(picture, factor)
    assert small.shape == means.shape
    assert np.abs(small - means).max() <= (1 if factor in (4, 8, 6) else 0.51)


def test_a_picture_shrinks_by_the_least_factor_that_is_enough():
    assert shrink_to(np.zeros((64, 10), np.uint8), 64).shape == (64, 10)
    assert shrink_to(np.zeros((65, 10), np.uint8), 64).shape == (32, 5)
    assert shrink_to(np.zeros((100, 200, 3), np.uint8), 64).shape == (25, 50, 3)
    assert shrink_to(np.zeros((1, 300), np.uint8), 64).shape == (1, 60)
