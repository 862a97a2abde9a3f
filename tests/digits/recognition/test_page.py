"""A picture's lines are read with boxes, confidences and doubts."""

import numpy as np
import pytest
from support.lines import bar_reader, bars

from pipeline.digits.recognition.lines.finding import find_lines
from pipeline.digits.recognition.page import DigitBox, read_page, steps_to_lines


def read(picture, **settings):
    return read_page(find_lines(picture), bar_reader(**settings))


def test_digits_come_with_boxes_and_confidences():
    reading = read(bars((30, 70, 110), (50, 90)))
    assert reading.text == "012 01"
    assert [box.line for box in reading.digits] == [0, 0, 0, 1, 1]
    first = reading.digits[0]
    assert (first.left, first.width) == pytest.approx((30, 8), abs=2)
    assert (first.top, first.height) == pytest.approx((20, 40), abs=3)
    assert first.confidence == pytest.approx(0.95, abs=1e-3)
    assert first.none == pytest.approx(0.05, abs=1e-3)
    assert reading.confidence == pytest.approx(0.95**5, abs=1e-3)
    assert reading.doubts == ()


def test_the_second_text_differs_in_the_least_certain_line():
    reading = read(bars((30, 70, 110), (50,)))
    assert reading.text == "012 0"
    second, last = reading.second.split()
    assert (len(second), last) == (2, "0")
    assert reading.second_confidence == pytest.approx(0.95**2 * 0.05, abs=1e-3)


def test_ink_as_high_as_a_digit_that_is_read_as_none_is_a_doubt():
    picture = bars((30, 70, 110))
    picture[36:60, 200:208] = 40
    reading = read(picture, share=0.6)
    assert reading.text == "012"
    assert "at column 199 " in reading.doubts[0]


@pytest.mark.parametrize("left", [292, 0])
def test_a_part_of_a_digit_at_the_edge_that_is_read_as_none_is_a_doubt(left):
    picture = bars((110, 150, 190))
    picture[46:57, left : left + 8] = 40
    assert any("at the edge of the picture" in doubt for doubt in read(picture).doubts)


def test_a_digit_at_the_edge_that_is_read_is_no_doubt_nor_is_a_comma_elsewhere():
    picture = bars((0, 40, 80))
    picture[46:57, 250:258] = 40
    reading = read(picture)
    assert (reading.text, reading.doubts) == ("012", ())


def test_a_line_without_a_digit_is_a_doubt():
    reading = read(bars((30, 70)), share=0.0)
    assert (reading.text, reading.second, reading.digits) == ("", "", ())
    assert reading.confidence == 0
    assert reading.doubts == ("a line of ink without a digit",)


def test_why_a_picture_can_hardly_be_read_is_a_doubt():
    reading = read(np.full((60, 90), 200, np.uint8))
    assert reading.confidence == 0
    assert "blank" in reading.doubts[0]


@pytest.mark.parametrize(
    ("second", "none", "told"), [(0.2, 0.1, "could also be a 1"), (0.1, 0.2, "no digit of its own")]
)
def test_what_a_digit_may_be_instead_is_told(second, none, told):
    box = DigitBox(0, 0, 5, 9, 0, 7, 0.6, 1, second, none)
    assert told in box.doubt


def test_the_steps_show_the_lines_as_they_are_read():
    steps = dict(steps_to_lines(bars((30, 70, 110), (50, 90))))
    assert list(steps) == ["grey", "ink", "lines as the network sees them"]
    assert steps["lines as the network sees them"].shape[0] == 2 * 32
    assert list(dict(steps_to_lines(np.full((60, 90), 200, np.uint8)))) == ["grey", "ink"]
