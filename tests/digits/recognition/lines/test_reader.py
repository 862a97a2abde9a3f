"""A network's answers along the views of a line become its digits; a fake one counts bars."""

import numpy as np
import pytest
from support.lines import FakeSession, bar_reader, bars
from support.networks import write_reader

from pipeline.digits.recognition.lines.cutting import VIEWS, cut_views
from pipeline.digits.recognition.lines.finding import find_lines
from pipeline.digits.recognition.lines.reader import LineReader, calibrate
from pipeline.system.errors import InputError


def read(reader, *lefts):
    page = find_lines(bars(lefts))
    return reader.read(cut_views(page, page.lines[0]))


def test_a_line_says_digits_with_their_middles_and_confidence():
    reading = read(bar_reader(), 30, 70, 110)
    assert reading.text == "012"
    assert reading.middles == pytest.approx((34, 74, 114), abs=2)
    assert reading.beliefs[[0, 1, 2], [0, 1, 2]] == pytest.approx(0.95, abs=1e-3)
    assert reading.confidence == pytest.approx(0.95**3, abs=1e-3)


@pytest.mark.parametrize(("sure", "asked"), [(0.97, 1), (0.8, len(VIEWS))])
def test_views_are_asked_until_they_agree(sure, asked):
    page = find_lines(bars((30, 70)))
    views = cut_views(page, page.lines[0])
    bar_reader(sure=sure).read(views)
    assert len(list(views)) == len(VIEWS) - asked


def test_the_next_likeliest_string_comes_with_its_probability():
    reading = read(bar_reader(), 30)
    assert (reading.second, reading.second_confidence) == ("", pytest.approx(0.05, abs=1e-3))


def test_the_two_likeliest_strings_are_no_surer_than_one_of_all():
    reading = read(LineReader(FakeSession(sure=0.55), slope=0.1, offset=0.5), 30)
    assert reading.confidence > 0.6
    assert reading.confidence + reading.second_confidence == pytest.approx(1)


def test_a_line_in_which_nothing_is_seen_says_nothing():
    reading = read(bar_reader(share=0.0), 30, 70)
    assert (reading.text, reading.middles, reading.beliefs.shape) == ("", (), (0, 11))


def test_confidence_is_calibrated():
    assert calibrate(0.5, 2.0, 0.0) == 0.5
    assert calibrate(0.5, 2.0, 1.0) == pytest.approx(1 / (1 + np.exp(-1)))
    assert 0 < calibrate(0.0, 1.0, 0.0) < calibrate(1.0, 1.0, 0.0) < 1


def test_a_network_for_single_digits_is_refused(tmp_path):
    path = write_reader(tmp_path / "model.onnx", 0)
    with pytest.raises(InputError, match="reads no lines"):
        LineReader.load(path)
