"""From answers along a line to its digits."""

import numpy as np
import pytest

from pipeline.digits.recognition.lines.decoding import (
    BEAM,
    Slot,
    agree,
    fill,
    find_slots,
    likely_strings,
)
from pipeline.digits.recognition.lines.format import NONE


def answers(length, **digits):
    """Make answers that say none, but for "at3=(7, 0.9)": a seven with 0.9 at place 3."""
    said = np.zeros((length, 11), np.float32)
    said[:, NONE] = 1
    for place, (digit, probability) in digits.items():
        said[int(place[2:])] = 0
        said[int(place[2:]), [digit, NONE]] = probability, 1 - probability
    return said


def slot(place, **shares):
    probabilities = np.zeros(11, np.float32)
    for digit, share in shares.items():
        probabilities[NONE if digit == "none" else int(digit[1:])] = share
    return Slot(place, probabilities)


def test_digits_are_found_from_left_to_right():
    slots = find_slots(answers(30, at20=(4, 0.9), at5=(7, 0.8)))
    assert [(each.place, each.digit) for each in slots] == [(5, 7), (20, 4)]
    assert slots[0].middle == 11


def test_what_is_said_beside_a_surer_middle_is_its_echo():
    slots = find_slots(answers(30, at5=(7, 0.8), at6=(7, 0.9), at7=(1, 0.5)))
    assert [(each.place, each.digit) for each in slots] == [(6, 7)]


def test_digits_two_answers_apart_are_two():
    assert len(find_slots(answers(30, at5=(1, 0.8), at7=(1, 0.9)))) == 2
    assert len(find_slots(answers(30, at5=(1, 0.8), at6=(1, 0.9)))) == 1


def test_strings_are_as_probable_as_their_slots():
    strings = likely_strings([slot(3, d7=0.6, d1=0.4), slot(9, d2=0.7, none=0.3)])
    assert strings == pytest.approx({"72": 0.42, "12": 0.28, "7": 0.18, "1": 0.12})


def test_strings_that_come_about_in_two_ways_are_summed():
    strings = likely_strings([slot(3, d7=0.5, none=0.5), slot(9, d7=0.5, none=0.5)])
    assert strings == pytest.approx({"77": 0.25, "7": 0.5, "": 0.25})


def test_readings_agree_on_the_string_with_the_largest_sum():
    (text, probability), (second, less) = agree([{"12": 0.9, "17": 0.1}, {"17": 0.9}, {"17": 0.9}])
    assert (text, second) == ("17", "12")
    assert (probability, less) == pytest.approx((1.9 / 3, 0.3))


def test_a_sure_reading_counts_more_than_two_that_are_not():
    (text, probability), _ = agree([{"12": 0.9}, {"17": 0.5, "11": 0.1}, {"17": 0.5, "11": 0.1}])
    assert text == "12"
    assert probability == pytest.approx(0.9 * 0.81 / (0.81 + 2 * 0.25))


def test_the_slots_of_a_string_are_the_likeliest():
    slots = [slot(3, d1=0.2, none=0.8), slot(9, d1=0.9, none=0.1), slot(15, d5=0.6, d6=0.4)]
    assert [each.place for each in fill(slots, "15")] == [9, 15]
    assert [each.place for each in fill(slots, "16")] == [9, 15]
    assert fill(slots, "") == []


def test_a_string_longer_than_the_slots_does_not_fit():
    assert fill([slot(3, d1=1.0)], "11") is None


def test_of_many_strings_the_likeliest_are_followed():
    shares = {f"d{digit}": (digit + 1) / 55 for digit in range(10)}
    strings = likely_strings([slot(3, **shares), slot(9, **shares)])
    assert len(strings) == BEAM
    assert next(iter(strings)) == "99"
    assert strings["99"] == pytest.approx((10 / 55) ** 2)
    assert min(strings.values()) > 30 / 55**2


def test_of_places_said_alike_the_first_is_the_middle():
    said = answers(60, at20=(4, 0.5), at21=(4, 0.5), at40=(7, 0.5), at41=(7, 0.5))
    assert [each.place for each in find_slots(said)] == [20, 40]
