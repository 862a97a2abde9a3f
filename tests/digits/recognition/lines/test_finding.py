"""Where the lines of a picture are."""

import numpy as np
import pytest
from support.lines import bars

from pipeline.digits.recognition.lines.finding import find_lines


def test_lines_are_found_from_top_to_bottom():
    found = find_lines(bars((30, 70, 110), (50, 90)))
    assert [len(line.boxes) for line in found.lines] == [3, 2]
    assert [line.middle for line in found.lines] == pytest.approx([40, 120], abs=2)
    assert [line.height for line in found.lines] == pytest.approx([40, 40], abs=3)


def test_a_leaning_line_is_one():
    (line,) = find_lines(bars((30, 80, 130, 180, 230), rise=0.15)).lines
    assert line.rise == pytest.approx(0.15, abs=0.02)


def test_rules_and_specks_open_no_line():
    picture = bars((30, 70, 110))
    picture[64:66] = 60
    picture[100:103, 50:53] = 60
    picture[120:122, 20:280] = 60
    assert len(find_lines(picture).lines) == 1


def test_the_side_of_a_frame_is_painted_over():
    picture = bars((30, 70, 110))
    picture[:, 0:3] = 40
    found = find_lines(picture)
    assert len(found.lines[0].boxes) == 3
    assert found.gray[:, :4].min() > 200
    assert found.gray[40, 34] == 40


@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (60, 90), (300, 500, 3)])
def test_blank_paper_is_said_to_be_blank(shape):
    found = find_lines(np.full(shape, 200, np.uint8))
    assert found.lines == ()
    assert "blank" in found.trouble


def test_too_much_for_one_picture_is_told():
    picture = np.full((600, 900), 230, np.uint8)
    for top in range(10, 590, 24):
        for left in range(10, 890, 20):
            picture[top : top + 14, left : left + 6] = 40
    assert "too much for one picture" in find_lines(picture).trouble
