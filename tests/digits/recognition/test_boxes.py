"""Where digits are whose middles are known."""

import numpy as np
import pytest
from support.lines import bars

from pipeline.digits.recognition.boxes import boxes_around, held_by
from pipeline.digits.recognition.lines.finding import find_lines


def test_a_mark_of_its_own_is_the_box():
    page = find_lines(bars((30, 70, 110)))
    boxes = boxes_around(page.lines[0], page.inked, [34, 74, 114])
    assert boxes == pytest.approx(np.array([(each, 20, 8, 40) for each in (30, 70, 110)]), abs=3)


def test_digits_that_share_a_mark_share_it_out():
    picture = bars((30, 70))
    picture[56:60, 30:78] = 40  # joins them at their feet
    page = find_lines(picture)
    left, right = boxes_around(page.lines[0], page.inked, [34, 74])
    assert left == pytest.approx((29, 19, 25, 42), abs=3)
    assert right == pytest.approx((54, 19, 25, 42), abs=3)
    assert left[0] + left[2] <= right[0]


def test_where_there_is_no_ink_the_box_is_small():
    page = find_lines(bars((30, 70)))
    box = boxes_around(page.lines[0], page.inked, [34, 74, 200])[2]
    assert box[2:] == (1, 1)


def test_the_narrowest_mark_holds_a_column():
    boxes = np.array([[0, 0, 100, 40, 400], [30, 0, 10, 40, 400]], np.int32)
    assert [held_by(boxes, column) for column in (35, 60, 120)] == [1, 0, -1]


def test_without_digits_there_are_no_boxes():
    page = find_lines(bars((30,)))
    assert boxes_around(page.lines[0], page.inked, []) == []


def test_a_box_at_the_top_begins_at_the_top():
    picture = bars((30, 70))[20:]  # without paper above the digits
    picture[36:40, 30:78] = 40
    page = find_lines(picture)
    left, _ = boxes_around(page.lines[0], page.inked, [34, 74])
    assert left[1] == 0
