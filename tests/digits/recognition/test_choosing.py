"""Which of several readings counts, and how sure their mixture is."""

from dataclasses import replace

import numpy as np
import pytest
from support.drawings import draw

from pipeline.digits.preprocessing.normalise import normalise
from pipeline.digits.recognition.choosing import (
    NOTHING,
    WEIGHTS,
    Reading,
    choose,
    features,
    reading_of,
)


def reading(number, **judged):
    return Reading(np.full((28, 28), number, np.uint8), **judged)


def answer(digit, confidence):
    probabilities = np.full(10, (1 - confidence) / 9, np.float32)
    probabilities[digit] = confidence
    return probabilities


def test_a_single_reading_is_the_answer_itself():
    only, given = reading(0, plausibility=-9.0), answer(3, 0.8)
    chosen, mixed, _ = choose([only], given[None])
    assert chosen is only
    assert mixed == pytest.approx(given)


def test_the_less_plausible_the_reading_the_likelier_there_is_no_digit():
    found = [
        choose([reading(0, plausibility=plausibility, trust=0.0)], answer(3, 0.8)[None])[2]
        for plausibility in (99.0, 0.0, NOTHING, -99.0)
    ]
    assert found == pytest.approx([1, 1 / (1 + np.exp(NOTHING)), 0.5, 0], abs=1e-6)


def test_the_less_sure_the_network_the_likelier_there_is_no_digit():
    readings = [reading(0, plausibility=-2.0), reading(1, plausibility=-2.0)]
    sure, unsure = (
        choose(readings, np.stack([answer(3, 0.2), answer(3, confidence)]))[2]
        for confidence in (0.99, 0.4)
    )
    assert sure > 0.95 > unsure


def test_what_the_network_takes_for_no_digit_is_none_but_for_one_reading_that_is():
    given = answer(3, 0.9)
    none, mixed, of_a_digit = choose([reading(0, plausibility=9.0)], given[None] / 4)
    assert of_a_digit == pytest.approx(0.25, abs=0.001)
    assert mixed == pytest.approx(given)
    one, _, of_a_digit = choose([none, reading(1, plausibility=9.0)], np.stack([given / 4, given]))
    assert one.image.max() == 1
    assert of_a_digit > 0.8


def test_the_surest_of_equally_plausible_readings_counts_most():
    readings = [reading(0), reading(1)]
    chosen, mixed, _ = choose(readings, np.stack([answer(0, 0.3), answer(4, 0.99)]))
    assert chosen is readings[1]
    assert mixed.argmax() == 4
    assert mixed.sum() == pytest.approx(1)
    assert mixed.dtype == np.float32


def test_a_plausible_reading_outweighs_a_sure_one():
    readings = [reading(0, plausibility=9.0), reading(1, plausibility=-9.0)]
    chosen, mixed, _ = choose(readings, np.stack([answer(0, 0.8), answer(4, 1.0)]))
    assert chosen is readings[0]
    assert mixed[0] == pytest.approx(0.8, abs=0.01)


def test_without_trust_it_does_not_matter_how_sure_the_network_is():
    readings = [reading(0, trust=0.0), reading(1, trust=0.0)]
    _, mixed, _ = choose(readings, np.stack([answer(0, 0.5), answer(4, 1.0)]))
    assert mixed[0] == pytest.approx(0.25)
    assert mixed[4] > 0.5


def test_readings_that_disagree_make_the_answer_unsure_and_those_that_agree_do_not():
    readings = [reading(0), reading(1)]
    _, torn, _ = choose(readings, np.stack([answer(0, 0.99), answer(4, 0.99)]))
    _, agreed, _ = choose(readings, np.stack([answer(4, 0.99), answer(4, 0.99)]))
    assert torn.max() < 0.6
    assert agreed.max() == pytest.approx(0.99, abs=0.001)


def test_the_chosen_reading_is_of_the_answer_even_if_another_weighs_more():
    readings = [reading(number) for number in range(3)]
    answers = np.stack([answer(0, 0.9), answer(4, 0.88), answer(4, 0.88)])
    chosen, mixed, _ = choose(readings, answers)
    assert mixed.argmax() == 4
    assert chosen is readings[1]


def test_every_weight_is_of_something_measured():
    found = normalise(draw(3))
    ways = set(WEIGHTS) - set(features(found, 0.5)) - {"sure", "sure if narrow"}
    assert ways == {
        *("one mark", "fainter", "blurred", "filled", "unlined", "page", "colour taken out"),
        *("shaded", "inverted", "inverted, shaded"),
    }


@pytest.mark.parametrize(
    "worse", [{"offset": 0.4}, {"parts": 4}, {"foreign": 0.5}, {"trouble": "several"}]
)
def test_what_speaks_against_a_reading_makes_it_less_plausible(worse):
    found = normalise(draw(3))
    assert reading_of(replace(found, **worse)).plausibility < reading_of(found).plausibility


def test_a_narrow_image_is_trusted_less():
    stroke = np.zeros((28, 28), np.uint8)
    stroke[4:24, 12:16] = 255
    found = normalise(draw(3))
    assert reading_of(replace(found, image=stroke)).trust < reading_of(found).trust
    assert reading_of(found).doubt == found.trouble
