"""Strokes are brought to MNIST's form: width, box, centre."""

import cv2
import numpy as np
import pytest

from pipeline.digits.preprocessing.form import (
    FINE,
    MOST_LOOPS,
    STROKE_WIDTHS,
    enlarge,
    even_strokes,
    fit_box,
    is_mnist_form,
    padded_box,
    stroke_width,
    why_no_digit,
)
from pipeline.digits.preprocessing.pixels import center_of_mass, longer_side, threshold
from pipeline.digits.splits import BOX, SIDE


def bar(width, length=80, side=120):
    """Draw an upright bar of ink in the middle."""
    ink = np.zeros((side, side), np.uint8)
    top, left = (side - length) // 2, (side - width) // 2
    ink[top : top + length, left : left + width] = 255
    return ink


def mnist_like():
    """Draw a digit in MNIST's form: an arc with soft edges."""
    large = cv2.ellipse(
        np.zeros((SIDE * 8,) * 2, np.uint8), (112, 112), (55, 70), 0, 0, 360, 255, 20
    )
    return cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def test_mnists_form_is_known():
    digit = mnist_like()
    assert is_mnist_form(digit)
    assert not is_mnist_form(255 - digit)
    assert not is_mnist_form(digit // 2)  # faint
    assert not is_mnist_form(np.dstack([digit] * 3))
    assert not is_mnist_form(np.pad(digit, 1))
    assert not is_mnist_form(np.roll(digit, 3, axis=1))
    assert not is_mnist_form(np.roll(digit, -3, axis=0))
    assert not is_mnist_form(255 * (digit > 127).astype(np.uint8))  # hard edges
    small = cv2.resize(digit, (20, 20), interpolation=cv2.INTER_AREA)
    assert not is_mnist_form(np.pad(small, 4))
    full = np.pad(cv2.GaussianBlur(np.full((22, 22), 255, np.uint8), (0, 0), 3), 3)
    assert not is_mnist_form(full)


@pytest.mark.parametrize("width", [4, 9, 20])
def test_the_width_of_a_stroke_is_area_by_half_the_outline(width):
    area, outline = 80 * width, 2 * (80 + width)
    assert stroke_width(bar(width)) == pytest.approx(2 * area / outline, rel=0.03)


def test_soft_edges_change_no_width():
    sharp = bar(10)
    soft = cv2.GaussianBlur(sharp, (0, 0), 2)
    assert stroke_width(soft) == pytest.approx(stroke_width(sharp), rel=0.06)
    assert stroke_width(np.zeros((9, 9), np.uint8)) == 0


@pytest.mark.parametrize("width", [2, 5, 20])
def test_strokes_get_mnists_widths(width):
    low, high = (usual * 80 / BOX for usual in STROKE_WIDTHS)
    even = even_strokes(bar(width), stroke_width(bar(width)))
    assert low - 1.5 < stroke_width(even) < high + 1.5


def test_strokes_of_a_usual_width_stay_as_they_are():
    usual = bar(12)
    assert even_strokes(usual, stroke_width(usual)) is usual
    blank = np.zeros((9, 9), np.uint8)
    assert even_strokes(blank, 0.0) is blank


def test_a_stroke_at_the_border_can_grow_beyond_it():
    thin = bar(2)[20:100]  # the bar fills the height
    assert longer_side(even_strokes(thin, stroke_width(thin))) > 80


@pytest.mark.parametrize("shape", [(40, 20), (13, 90), (7, 7), (200, 3)])
def test_strokes_fill_the_box_and_keep_their_shape(shape):
    strokes = np.pad(np.full(shape, 255, np.uint8), 5)
    image = fit_box(strokes)
    _, _, width, height = cv2.boundingRect(image)
    assert image.shape == (SIDE, SIDE)
    assert max(width, height) == BOX
    assert min(width, height) == max(1, round(BOX * min(shape) / max(shape)))


def test_strokes_are_centred_by_mass_within_the_picture():
    heavy = np.zeros((60, 60), np.uint8)
    heavy[10:50, 20:24] = heavy[40:50, 20:44] = 255
    x, y = center_of_mass(fit_box(heavy))
    assert (x, y) == pytest.approx((SIDE / 2, SIDE / 2), abs=0.6)


def test_a_digit_heavy_at_one_end_stays_within_the_picture():
    club = np.zeros((100, 60), np.uint8)
    club[:, 29:31] = club[:24] = 255  # nearly all of it at the top
    for turn in range(4):
        image = fit_box(np.ascontiguousarray(np.rot90(club, turn)))
        _, _, width, height = cv2.boundingRect(image)
        assert max(width, height) == BOX
        x, y = center_of_mass(image)
        assert max(abs(x - SIDE / 2), abs(y - SIDE / 2)) < 4


def test_too_little_ink_leaves_nothing():
    assert not fit_box(np.full((9, 9), 64, np.uint8)).any()


def test_the_padded_box_has_paper_around_the_digit_but_ends_at_the_border():
    digit = np.zeros((100, 50), np.uint8)
    digit[40:60, 2:12] = 1
    rows, columns = padded_box(digit)
    assert (rows.start, rows.stop) == (36, 64)
    assert (columns.start, columns.stop) == (0, 16)


def test_a_digit_is_cut_out_enlarged_and_stretched():
    ink = np.full((100, 100), 10, np.uint8)
    ink[40:60, 45:55] = 120
    ink[5:15, 5:15] = 120  # another mark
    digit = np.zeros_like(ink)
    digit[40:60, 45:55] = 1

    strokes = enlarge(ink, digit)

    assert longer_side(threshold(strokes, 127)) == pytest.approx(BOX * FINE, abs=4)
    assert strokes.max() == 255
    assert strokes[0, 0] == 0
    assert (strokes > 0).mean() < 0.5  # the other mark is not there


def rings(count):
    strokes = np.zeros((60, 50 * count), np.uint8)
    for place in range(count):
        cv2.circle(strokes, (25 + 50 * place, 30), 20, 255, 6)
    return strokes


def test_a_blob_and_a_net_are_no_digits():
    disc = cv2.circle(np.zeros((90, 90), np.uint8), (45, 45), 40, 255, -1)
    assert why_no_digit(disc, stroke_width(disc)) == "more ink than a digit has"
    assert why_no_digit(rings(2), 6) == ""
    assert why_no_digit(rings(MOST_LOOPS), 6) == ""
    assert why_no_digit(rings(MOST_LOOPS + 1), 6) == "more loops than a digit has"


def test_small_holes_are_no_loops():
    strokes = rings(MOST_LOOPS)
    cv2.circle(strokes, (2, 2), 2, 255, 1)
    assert why_no_digit(strokes, 6) == ""


@pytest.mark.parametrize("turn", [False, True])
def test_a_stroke_grows_alike_on_both_sides(turn):
    thin = bar(2).T if turn else bar(2)
    grown = even_strokes(np.ascontiguousarray(thin), stroke_width(thin))
    x, y, w, h = cv2.boundingRect(grown)
    assert (2 * x + w, 2 * y + h) == grown.shape[::-1]
    assert min(w, h) > 4
