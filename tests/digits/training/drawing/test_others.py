"""What is no digit is drawn in the form of digits, and is none."""

import cv2
import numpy as np
import pytest
from support.kept import assert_as_kept

from pipeline.digits.robustness.outliers import LETTERS as HELD_OUT
from pipeline.digits.training.drawing import others as drawing
from pipeline.digits.training.drawing.others import CHARACTERS, KINDS, draw_others


@pytest.fixture(scope="module")
def others():
    return draw_others(300, np.random.default_rng(0))


def test_drawings_fill_the_box_and_are_centred_by_mass(others):
    for image in others:
        _, _, width, height = cv2.boundingRect((image > 32).astype(np.uint8))
        assert 18 <= max(width, height) <= 21
        moments = cv2.moments(image)
        assert abs(moments["m10"] / moments["m00"] - 14) <= 2
        assert abs(moments["m01"] / moments["m00"] - 14) <= 2


def test_they_are_light_on_dark_with_soft_edges(others):
    assert others.dtype == np.uint8
    assert others.max() == 255
    assert np.median(others[:, [0, -1]]) == 0
    assert ((others > 20) & (others < 230)).any(axis=(1, 2)).all()


def test_no_two_are_alike(others):
    assert len({image.tobytes() for image in others}) == 300


def test_the_same_seed_draws_the_same():
    first, second, other = (draw_others(5, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_each_kind_is_drawn_as_often_as_its_share_says(monkeypatch):
    count = 2000
    drawn = dict.fromkeys(KINDS, 0)

    def counting(kind):
        def draw(_):
            drawn[kind] += 1
            return np.zeros((28, 28), np.uint8)

        return draw

    monkeypatch.setattr(drawing, "KINDS", {counting(kind): part for kind, part in KINDS.items()})
    draw_others(count, np.random.default_rng(0))

    shares = np.array(list(KINDS.values())) / sum(KINDS.values())
    assert np.array(list(drawn.values())) / count == pytest.approx(shares, abs=0.03)


def test_every_character_can_be_printed():
    """A character that the fonts lack would be a box or nothing: no two would differ."""
    for characters in CHARACTERS:
        printed = set()
        for character in characters:
            page = np.zeros((180, 220), np.uint8)
            cv2.putText(page, character, (50, 120), (255,), cv2.FontFace("sans"), 90, 400)
            assert page.any()
            printed.add(page.tobytes())
        assert len(printed) == len(set(characters)) == len(characters)


def test_no_character_looks_like_a_digit_or_is_held_out_for_measuring():
    characters = set("".join(CHARACTERS))
    assert not characters & set("0123456789OoDQIlijZzSsBbGgq")
    assert not any(0x370 <= ord(each) < 0x530 or each in "±√€" for each in characters)
    assert len(HELD_OUT) == 16  # Greek and Cyrillic letters, and these three signs


def test_a_seed_draws_what_it_has_always_drawn(others):
    assert_as_kept("others", others[:120], columns=20)
