"""Marks on paper: which are found, which are dropped, which are the digit."""

import cv2
import numpy as np
import pytest

from pipeline.digits.preprocessing.ink import COARSE
from pipeline.digits.preprocessing.marks import (
    BLANK,
    _edges,
    choose_marks,
    find_marks,
    without_edges,
    without_lines,
)

SIDE = 120


def page(*boxes, tone=200):
    """Draw ink, (left, top, width, height) each, on a sheet of SIDE x SIDE pixels."""
    ink = np.zeros((SIDE, SIDE), np.uint8)
    for left, top, width, height in boxes:
        ink[top : top + height, left : left + width] = tone
    return ink


DIGIT = (55, 40, 8, 40)


def test_every_mark_has_its_box():
    marks = find_marks(page(DIGIT, (90, 90, 10, 6)))
    assert marks.labels.max() == len(marks.boxes) == 2
    boxes = sorted(marks.boxes[:, :4].tolist())
    assert np.abs(np.subtract(boxes, [[55, 40, 8, 40], [90, 90, 10, 6]])).max() <= 2
    assert marks.contrast > 150


def test_a_stroke_is_followed_where_it_gets_fainter_but_nothing_faint_counts_alone():
    ink = page((40, 20, 40, 60))
    ink[80:100, 55:63] = 90  # continues the mark
    ink[100:115, 5:13] = 90  # stands alone
    ink = np.maximum(ink, np.random.default_rng(0).integers(0, 20, ink.shape, np.uint8))
    ((left, top, width, height),) = find_marks(ink).boxes[:, :4].tolist()
    assert (left, top, width) == pytest.approx((39, 19, 42), abs=1)
    assert height == pytest.approx(80, abs=2)


def test_the_grain_of_paper_makes_a_stroke_less_clear():
    rng = np.random.default_rng(0)

    def clarity(grain):
        noise = rng.normal(30, grain, (SIDE, SIDE)) if grain else 30
        return find_marks((page(DIGIT) + noise).clip(0, 255).astype(np.uint8)).clarity

    assert clarity(0) > 100
    assert clarity(0) > clarity(4) > clarity(20) > 6


def test_chosen_marks_become_a_mask():
    marks = find_marks(page(DIGIT, (90, 90, 10, 6)))
    every = marks.mask(np.ones(2, np.bool_))
    first, second = (marks.mask(np.arange(2) == place) for place in range(2))
    assert np.array_equal(first | second, every)
    assert not (first & second).any()
    assert first.any()
    assert second.any()


@pytest.mark.parametrize(
    "edge",
    [(0, 0, SIDE, 20), (0, SIDE - 20, SIDE, 20), (0, 0, 20, SIDE), (SIDE - 20, 0, 20, SIDE),
     (0, 0, 14, 14), (5, 0, 100, 8), (5, SIDE - 8, 100, 8), (0, 5, 8, 100), (SIDE - 8, 5, 8, 100)],
)  # fmt: skip
def test_edges_are_dropped(edge):
    ink = page(DIGIT, edge)
    rest = without_edges(ink, find_marks(ink))
    left, top, width, height = edge
    assert not rest[top : top + height, left : left + width].any()
    assert (rest[45:75, 56:62] == 200).all()


@pytest.mark.parametrize(
    "mark",
    [(0, 0, SIDE, 50), (0, 0, 50, SIDE), (0, 0, 50, 22), (8, 20, 100, 10), (20, 8, 10, 100)],
)
def test_what_is_thick_or_short_or_not_at_the_border_is_no_edge(mark):
    ink = page(mark, (70, 75, 8, 40))
    assert without_edges(ink, find_marks(ink)) is ink


def test_a_low_wide_mark_may_be_a_digit_that_edges_are_dropped_beside():
    ink = page((0, 0, SIDE, 12), (40, 60, 40, 6))
    rest = without_edges(ink, find_marks(ink))
    assert not rest[:12].any()
    assert (rest[61:65, 42:78] == 200).all()


def test_a_frame_is_dropped():
    ink = cv2.rectangle(page(DIGIT), (6, 6), (SIDE - 7, SIDE - 7), 200, 3)
    rest = without_edges(ink, find_marks(ink))
    assert not rest[:, :15].any()
    assert (rest[45:75, 56:62] == 200).all()


def test_what_stands_alone_is_no_edge_even_along_the_border():
    ink = page((0, 0, SIDE, 12))
    assert without_edges(ink, find_marks(ink)) is ink
    speck = page((0, 0, SIDE, 12), (60, 60, 3, 3))
    assert without_edges(speck, find_marks(speck)) is speck  # a speck is no digit to keep


def ruled(ink, tone, *, squared=False):
    lined = ink.copy()
    for place in range(10, SIDE, 30):
        lined[place : place + 2] = np.maximum(lined[place : place + 2], tone)
        if squared:
            lined[:, place : place + 2] = np.maximum(lined[:, place : place + 2], tone)
    return lined


@pytest.mark.parametrize("squared", [False, True])
def test_ruled_lines_are_dropped_and_the_digit_stays_whole(squared):
    ink = cv2.circle(page(), (60, 60), 25, 220, 7)
    rest = without_lines(ruled(ink, 100, squared=squared))
    away = cv2.dilate(ink, np.ones((9, 9), np.uint8)) == 0
    assert rest[away].mean() < 3
    assert (rest[ink > 0] > 90).mean() > 0.95


def test_a_single_line_as_dark_as_the_rest_stays():
    stem = page((0, 60, SIDE, 2), (55, 20, 6, 38))
    assert without_lines(stem) is stem


def test_short_strokes_and_small_pictures_have_no_lines():
    digit = page((10, 60, 100, 3))
    assert without_lines(digit) is digit
    small = ruled(page(DIGIT), 100)[:COARSE, :COARSE]
    assert without_lines(small) is small


def chosen_of(ink):
    marks = find_marks(ink)
    chosen, trouble = choose_marks(ink, marks)
    return marks.mask(chosen), trouble


def test_the_digit_is_the_mark_with_most_ink():
    mask, trouble = chosen_of(page(DIGIT, (100, 100, 8, 8)))
    assert trouble == ""
    assert mask[60, 58] == 1
    assert mask[104, 104] == 0


@pytest.mark.parametrize("way", ["right", "left", "below", "above"])
@pytest.mark.parametrize(("gap", "belongs"), [(6, True), (16, False)])
def test_a_broken_part_belongs_to_the_digit_if_it_is_close(way, gap, belongs):
    left, top, width, height = DIGIT
    part = {
        "right": (left + width + gap, top + 10, 10, 6),
        "left": (left - gap - 10, top + 10, 10, 6),
        "below": (left, top + height + gap, 8, 8),
        "above": (left, top - gap - 8, 8, 8),
    }[way]
    mask, trouble = chosen_of(page(DIGIT, part))
    assert trouble == ""
    assert mask[60, 58] == 1
    assert mask[part[1] + 3, part[0] + 3] == belongs


def test_a_speck_close_by_is_no_part_of_the_digit():
    mask, _ = chosen_of(page((40, 30, 30, 60), (73, 50, 2, 2)))
    assert mask[60, 50] == 1
    assert mask[51, 74] == 0


@pytest.mark.parametrize(
    ("boxes", "reason"),
    [
        ([], BLANK),
        ([(60, 60, 1, 1)], BLANK),
        ([DIGIT, (5, 40, 8, 40)], "several separate objects"),
    ],
)
def test_why_it_is_probably_not_one_digit_is_reported(boxes, reason):
    assert chosen_of(page(*boxes))[1] == reason


def test_many_marks_with_more_ink_than_the_digit_are_noise():
    dots = [(x, y, 5, 5) for x in range(3, 115, 16) for y in (5, 20, 95, 110)]
    assert chosen_of(page((56, 50, 5, 18), *dots))[1].startswith("too noisy")
    faint = page(DIGIT, tone=8)
    assert chosen_of(faint)[1] == BLANK


@pytest.mark.parametrize(("side", "trouble"), [(2, BLANK), (3, "")])
def test_the_smallest_mark_is_three_pixels_long(side, trouble):
    ink = np.zeros((40, 40), np.uint8)
    ink[20 : 20 + side, 20] = 200
    assert chosen_of(ink)[1] == trouble


def test_one_clear_mark_is_chosen_as_a_mask():
    ink = page(DIGIT)
    chosen, _ = choose_marks(ink, find_marks(ink))
    assert chosen.dtype == np.bool_
    assert chosen.tolist() == [True]


def test_edges_are_told_by_a_mask():
    ink = page(DIGIT, (0, 0, SIDE, 12))
    edges = _edges(find_marks(ink))
    assert edges.dtype == np.bool_
    assert sorted(edges.tolist()) == [False, True]


@pytest.mark.parametrize("tone", [100, 210])
def test_a_single_rule_much_fainter_than_the_digit_is_dropped(tone):
    ink = page((0, 100, SIDE, 2), tone=tone)
    ink[20:90, 55:63] = 240
    rest = without_lines(ink)
    assert rest[20:90, 55:63].all()
    assert rest[100:102].any() == (tone == 210)


def test_what_a_rule_crosses_is_not_cut_in_two():
    ink = ruled(page((55, 5, 8, 110), tone=220), 100)
    rest = without_lines(ink)
    assert (rest[6:114, 57:61] >= 100).all()
    assert not rest[:, :50].any()
    assert not rest[:, 68:].any()


def test_a_large_faint_mark_has_less_ink_than_a_dark_digit():
    ink = np.maximum(page(DIGIT, tone=250), page((5, 40, 11, 40), tone=140))
    mask, _ = chosen_of(ink)
    assert mask[60, 58] == 1
    assert mask[60, 10] == 0
