"""Each kind of corruption does what it is called, as strongly as it says."""

import cv2
import numpy as np
import pytest

from pipeline.digits.robustness.corruptions import KINDS, corrupt

SQUARE = slice(8, 20)
GREY = 100
MOVED_BY_CHANCE = set(KINDS) - {"scale", "brightness", "stripe", "canny edges"}


@pytest.fixture(scope="module")
def squares():
    """Return 400 white squares of 12 x 12, in the middle of pictures of 28 x 28."""
    images = np.zeros((400, 28, 28), np.uint8)
    images[:, SQUARE, SQUARE] = 255
    return images


def bars(count=200):
    """Return upright white bars, 2 pixels wide."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 4:24, 13:15] = 255
    return images


def turn(image):
    """Return by how many radians a bar leans."""
    moments = cv2.moments(image)
    return 0.5 * np.arctan2(2 * moments["mu11"], moments["mu02"] - moments["mu20"])


def test_there_are_the_fifteen_kinds_of_the_paper():
    names = (
        "shot noise, impulse noise, glass blur, motion blur, shear, scale, rotate, brightness, "
        "translate, stripe, fog, spatter, dotted line, zigzag, canny edges"
    )
    assert list(KINDS) == names.split(", ")


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_pictures_and_leaves_those_given_as_they_are(kind, squares):
    given = squares[:20].copy()
    first = corrupt(given, kind, 1)
    assert np.array_equal(first, corrupt(given, kind, 1))
    assert np.array_equal(given, squares[:20])
    assert (first.dtype, first.shape) == (np.uint8, given.shape)
    assert not np.array_equal(first, given)
    assert np.array_equal(first, corrupt(given, kind, 2)) == (kind not in MOVED_BY_CHANCE)


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_other_sizes_are_corrupted_too(kind):
    images = np.zeros((3, 20, 36), np.uint8)
    images[:, 5:15, 10:26] = 200
    assert corrupt(images, kind, 1).shape == images.shape


def test_shot_noise_counts_photons_of_which_white_has_three(squares):
    noisy = corrupt(squares, "shot noise", 1)
    assert set(np.unique(noisy)) == {0, 85, 170, 255}
    assert (noisy[squares == 0] == 0).all()
    assert np.mean(noisy[squares > 0] == 0) == pytest.approx(np.exp(-3), abs=0.005)


def test_impulse_noise_sets_seventeen_percent_to_black_or_white(squares):
    noisy = corrupt(np.full_like(squares, GREY), "impulse noise", 1)
    shares = [np.mean(noisy == value) for value in (0, GREY, 255)]
    assert shares == pytest.approx([0.085, 0.83, 0.085], abs=0.003)


def test_glass_blur_frays_the_edges_and_keeps_the_ink(squares):
    seen = corrupt(squares, "glass blur", 1).astype(float)
    assert seen.mean() == pytest.approx(squares.mean(), rel=0.03)
    assert seen[:, 6].mean() > 2
    assert (seen[:, 13:15, 13:15] == 255).all()
    assert (seen[:, :2] == 0).all()


def test_motion_blur_leaves_a_trail_on_one_side(squares):
    seen = corrupt(squares, "motion blur", 1).astype(float)
    assert seen.mean() == pytest.approx(squares.mean(), rel=0.05)
    left, right = seen[:, :, :7].sum(axis=(1, 2)), seen[:, :, 21:].sum(axis=(1, 2))
    assert (np.minimum(left, right) == 0).all()
    assert (np.maximum(left, right) > 0).all()


def test_shear_slants_by_four_tenths_of_a_pixel_per_row():
    slanted = corrupt(bars(), "shear", 1)
    columns = np.arange(28)
    middle = (slanted * columns).sum(axis=2) / np.maximum(slanted.sum(axis=2), 1)
    slopes = np.polyfit(np.arange(6, 22), middle[:, 6:22].T, 1)[0]
    assert np.abs(slopes) == pytest.approx(0.4, abs=0.03)
    assert {*np.sign(slopes)} == {-1, 1}


def test_rotate_turns_by_four_tenths_of_a_radian():
    angles = np.array([turn(image) for image in corrupt(bars(), "rotate", 1)])
    assert np.abs(angles) == pytest.approx(0.4, abs=0.03)
    assert {*np.sign(angles)} == {-1, 1}


def test_scale_shrinks_to_seven_tenths_about_the_centre(squares):
    small = corrupt(squares, "scale", 1)[0]
    assert np.sqrt(small.sum() / squares[0].sum()) == pytest.approx(0.7, abs=0.03)
    assert np.array_equal(small, small[::-1, ::-1])


def test_brightness_adds_half_of_white(squares):
    assert set(np.unique(corrupt(squares, "brightness", 1))) == {128, 255}


def test_translate_moves_by_three_along_each_axis(squares):
    moved = corrupt(squares, "translate", 1)
    corners = [[(each > 0).any(axis=axis).argmax() - 8 for axis in (0, 1)] for each in moved]
    assert {tuple(corner) for corner in corners} == {(3, 3), (3, -3), (-3, 3), (-3, -3)}
    assert (moved.sum(axis=(1, 2)) == squares[0].sum()).all()


def test_stripe_inverts_the_outer_quarters(squares):
    striped = corrupt(squares, "stripe", 1)
    assert np.array_equal(striped[:, :, 7:21], squares[:, :, 7:21])
    assert (striped[:, :, :7] == 255).all()
    assert (striped[:, :, 21:] == 255).all()


def test_fog_leaves_a_quarter_of_the_contrast(squares):
    foggy = corrupt(squares, "fog", 1).astype(float)
    empty = corrupt(np.full_like(squares, 0), "fog", 1)
    assert (empty == 0).all(), "it is scaled back to the brightest pixel"
    inside, outside = foggy[:, SQUARE, SQUARE].mean(), foggy[:, :6].mean()
    assert inside - outside == pytest.approx(255 / 4, abs=8)
    assert foggy.max(axis=(1, 2)).max() <= 255


def test_spatter_covers_a_part_with_dark_mud(squares):
    seen = corrupt(squares, "spatter", 1)
    assert (seen[squares > 0] < 255).mean() > 0.1
    assert seen[squares == 0].max() <= 63
    assert seen[squares > 0].min() >= 63
    assert 0.1 < (seen[squares == 0] > 0).mean() < 0.5


def test_a_dotted_line_runs_from_side_to_side_in_dashes():
    lines = corrupt(np.zeros((50, 28, 28), np.uint8), "dotted line", 1).max(axis=1)
    on = np.arange(28) // 2 % 2 == 1
    assert (lines[:, on] > 150).all()
    assert (lines[:, ~on] == 0).all()


def test_a_zigzag_has_teeth():
    lines = corrupt(np.zeros((50, 28, 28), np.uint8), "zigzag", 1)
    assert (lines[:, :, :2] == 0).all()
    assert (lines[:, :, 26:] == 0).all()
    flat = next(each for each in lines if each[:, 2:26].max(axis=0).min() > 100)
    middle = flat.argmax(axis=0)[2:26].astype(int)
    slope = np.polyfit(np.arange(24), middle, 1)
    waves = middle - np.polyval(slope, np.arange(24))
    assert np.abs(np.fft.rfft(waves)).argmax() == 3, "24 columns hold three waves of 8"


def test_canny_edges_are_an_outline(squares):
    (edges,) = corrupt(squares[:1], "canny edges", 1)
    assert set(np.unique(edges)) == {0, 255}
    assert (edges[10:18, 10:18] == 0).all()
    assert (edges[13] > 0).sum() == 2
