"""Strips are cut level, dark on light, at the height and slant asked for."""

import numpy as np
import pytest
from support.lines import bars

from pipeline.digits.recognition.lines.cutting import VIEWS, WIDEST, cut_strips, cut_views
from pipeline.digits.recognition.lines.finding import find_lines
from pipeline.digits.recognition.lines.format import HEIGHT, STEP


def test_a_leaning_line_becomes_level():
    found = find_lines(bars((30, 80, 130, 180, 230), rise=0.15))
    strip = cut_strips(found, found.lines[0], 20.0).images[0]
    assert (strip < 128).any(axis=1).sum() == pytest.approx(20, abs=3)


def test_light_ink_on_dark_is_cut_dark_on_light():
    found = find_lines(255 - bars((30, 70, 110)))
    strips = cut_strips(found, found.lines[0], 20.0, 1.0, (0.0, 0.3)).images
    assert strips.shape[:2] == (2, HEIGHT)
    assert strips.shape[2] % STEP == 0
    assert (strips[:, 16, 0] == 255).all()
    assert strips.min() == 0


def test_a_slanted_strip_leans_to_the_left_around_the_middle_of_its_line():
    found = find_lines(bars((150,)))
    upright, slanted = cut_strips(found, found.lines[0], 20.0, 1.0, (0.0, 0.5)).images < 128
    centres = [
        [np.flatnonzero(strip[row]).mean() for row in (8, 16, 24)] for strip in (upright, slanted)
    ]
    assert np.subtract(*centres[::-1]) == pytest.approx([-4, 0, 4], abs=0.7)


@pytest.mark.parametrize("wider", [1.0, 1.5])
def test_columns_of_a_strip_are_those_of_the_picture(wider):
    found = find_lines(bars((150,)))
    strips = cut_strips(found, found.lines[0], 20.0, wider)
    assert (strips.images[0, 16] < 128).sum() == pytest.approx(4 * wider, abs=1)
    middle = np.flatnonzero(strips.images[0, 16] < 128).mean() + 0.5
    assert strips.column_of(middle) == pytest.approx(154, abs=1)


def test_every_view_is_cut():
    found = find_lines(bars((30, 70, 110)))
    views = list(cut_views(found, found.lines[0]))
    assert [len(each.images) for each in views] == [len(slants) for *_, slants in VIEWS]
    heights = [(each.images[0] < 128).any(axis=1).sum() for each in views]
    assert heights == pytest.approx([height for height, *_ in VIEWS], abs=3)


def test_the_widest_line_still_fits_its_strip():
    page = find_lines(np.tile(bars((30, 70, 110, 150, 190, 230, 270), height=14), (1, 10)))
    strip = cut_strips(page, page.lines[0], 27.0).images[0]
    assert WIDEST - STEP <= strip.shape[1] <= WIDEST
