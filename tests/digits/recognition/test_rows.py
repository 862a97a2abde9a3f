"""Rows of touching digits: composed to learn from, brought to the network's form, and read."""

import cv2
import numpy as np
import pytest

from pipeline.digits.recognition.rows import HEIGHT, NONE, STRIDE, find_middles
from pipeline.digits.recognition.touching import Row, as_row, boxes_along
from pipeline.digits.row_training import composing
from pipeline.digits.row_training.composing import (
    UNJUDGED,
    WIDTH,
    compose_rows,
    digits_of,
    label_near,
)
from pipeline.digits.splits import Split


def blocks(labels, widths=(3, 15)):
    """Draw upright blocks in place of digits, 20 high and of some widths."""
    rng = np.random.default_rng(1)
    images = np.zeros((len(labels), 28, 28), np.uint8)
    for image in images:
        width = rng.integers(*widths)
        image[4:24, 14 - width // 2 : 14 - width // 2 + width] = 255
    return Split(images, np.array(labels, np.uint8))


DIGITS = blocks([3, 1, 4, 1, 5, 9, 2, 6, 5, 8] * 10)


def upright(monkeypatch, **settings):
    """Leave chance out of how rows are written, but for what is named."""
    plain = {"SLANT": 0.0, "SIZES": (1.0, 1.0), "RISE": 0} | settings
    for name, value in plain.items():
        monkeypatch.setattr(composing, name, value)


def objects(image):
    return cv2.connectedComponents((image > composing.INK).astype(np.uint8))[0] - 1


# --- composing ------------------------------------------------------------------------------


def test_digits_follow_each_other_in_their_order():
    rows = compose_rows(DIGITS, 5, np.random.default_rng(2))
    assert rows.images.shape == (5, HEIGHT, WIDTH)
    assert rows.labels.shape == (5, WIDTH // STRIDE)
    assert rows.images.dtype == rows.labels.dtype == np.uint8
    coming = iter(DIGITS.labels.tolist())
    for labels in rows.labels:
        written = digits_of(labels)
        assert len(written) >= 3
        assert written == [next(coming) for _ in written]


def test_digits_begin_anew_where_they_end():
    rows = compose_rows(blocks([7, 2]), 3, np.random.default_rng(2))
    assert {digit for labels in rows.labels for digit in digits_of(labels)} == {7, 2}


def test_the_same_state_writes_the_same_rows():
    first, again, other = (
        compose_rows(DIGITS, 4, np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.images, other.images)


@pytest.mark.parametrize("size", [0.8, 1.1])
def test_labels_are_at_the_middles_of_the_digits(size, monkeypatch):
    upright(monkeypatch, SIZES=(size, size), _gap=lambda rng: 5)
    rows = compose_rows(DIGITS, 20, np.random.default_rng(4))
    for image, labels in zip(rows.images, rows.labels, strict=True):
        places = np.flatnonzero(labels < NONE)
        _, _, boxes, _ = cv2.connectedComponentsWithStats((image > composing.INK).astype(np.uint8))
        middles = np.sort(boxes[1:, 0] + boxes[1:, 2] / 2)
        assert len(places) == len(middles)
        assert np.abs((places + 0.5) * STRIDE - middles).max() <= STRIDE / 2 + 1


@pytest.mark.parametrize(("touching", "expected"), [(1.0, [1]), (0.0, None)])
def test_neighbours_touch_or_stand_apart(touching, expected, monkeypatch):
    upright(monkeypatch, TOUCHING=touching)
    rows = compose_rows(blocks([3, 1, 4] * 60, widths=(5, 15)), 20, np.random.default_rng(5))
    for image, labels in zip(rows.images, rows.labels, strict=True):
        assert objects(image) == (expected or [len(digits_of(labels))])[0]


@pytest.mark.parametrize("size", [0.75, 1.1])
def test_digits_stand_above_and_below_the_middle_of_the_row(size, monkeypatch):
    upright(monkeypatch, SIZES=(size, size), RISE=2, TOUCHING=0.0)
    rows = compose_rows(blocks([8] * 100), 10, np.random.default_rng(8))
    tops = []
    for image in rows.images:
        _, _, boxes, _ = cv2.connectedComponentsWithStats((image > composing.INK).astype(np.uint8))
        tops += boxes[1:, 1].tolist()
    middle = HEIGHT / 2 - 10 * size
    assert np.mean(tops) == pytest.approx(middle, abs=0.6)
    assert (min(tops), max(tops)) == pytest.approx((middle - 2 * size, middle + 2 * size), abs=1)


def test_beside_a_middle_every_answer_will_do_but_not_between_two(monkeypatch):
    upright(monkeypatch, TOUCHING=1.0, OVERLAP=0)
    narrow = blocks([1] * 50, widths=(4, 5))  # 4 pixels, so two places from one to the next
    labels = compose_rows(narrow, 1, np.random.default_rng(6)).labels[0]
    first, *_, last = np.flatnonzero(labels == 1)
    assert labels[first - 1] == labels[last + 1] == UNJUDGED
    inside = labels[first : last + 1].tolist()
    assert inside == [1, NONE] * (len(inside) // 2) + [1]


def test_the_digit_near_a_place_is_the_nearest():
    labels = np.array([NONE, UNJUDGED, 4, UNJUDGED, NONE], np.uint8)
    assert [label_near(labels, place) for place in range(5)] == [NONE, 4, 4, 4, NONE]


def test_an_empty_picture_is_no_obstacle():
    empty = Split(np.zeros((3, 28, 28), np.uint8), np.array([1, 2, 3], np.uint8))
    rows = compose_rows(empty, 2, np.random.default_rng(7))
    assert not rows.images.any()


# --- answers --------------------------------------------------------------------------------


def answers(*said, length=12):
    """Make a network's answers: nothing but what is said, (place, digit, probability)."""
    probabilities = np.zeros((length, NONE + 1), np.float32)
    probabilities[:, NONE] = 1
    for place, digit, probability in said:
        probabilities[place, NONE] = 1 - probability
        probabilities[place, digit] = probability
    return probabilities


def read(*said):
    found = find_middles(answers(*said))
    return [(each.place, int(each.probabilities.argmax())) for each in found]


def test_a_digit_is_where_it_is_likeliest():
    assert read((3, 7, 0.6), (4, 7, 0.9), (5, 7, 0.7)) == [(4, 7)]
    (found,) = find_middles(answers((4, 7, 0.9)))
    assert found.middle == 4.5 * STRIDE
    assert found.confidence == pytest.approx(0.9)


def test_equal_digits_with_nothing_between_are_one():
    assert read((3, 1, 0.9), (4, 1, 0.8), (8, 1, 0.7)) == [(3, 1), (8, 1)]
    assert read((3, 1, 0.9), (5, 1, 0.9)) == [(3, 1), (5, 1)]


def test_what_is_less_likely_than_nothing_is_not_found():
    assert read((3, 1, 0.4)) == []


@pytest.mark.parametrize("apart", [1, 2])
def test_an_unsure_digit_right_beside_a_sure_one_is_dropped(apart):
    assert read((4, 6, 0.95), (4 + apart, 1, 0.7)) == [(4, 6)]
    assert read((4, 1, 0.6), (4 + apart, 6, 0.95)) == [(4 + apart, 6)]
    assert read((4, 6, 0.95), (4 + apart, 1, 0.8)) == [(4, 6), (4 + apart, 1)]


def test_an_unsure_digit_with_room_stays():
    assert read((2, 6, 0.95), (5, 1, 0.6)) == [(2, 6), (5, 1)]


# --- from a picture -------------------------------------------------------------------------


def pair(height, pen, left=30, top=50):
    """Write two zeros that touch, `height` high and half as wide; return ink and their boxes."""
    ink = np.zeros((height + 2 * top, 4 * height + 2 * left), np.uint8)
    width, round_ = height // 2, ((height // 2 - pen) // 2, (height - pen) // 2)
    for number in range(2):
        centre = (left + width // 2 + number * (width - pen // 2), top + height // 2)
        cv2.ellipse(ink, centre, round_, 0, 0, 360, 255, pen)
    return ink, [(left + number * (width - pen // 2), top, width, height) for number in range(2)]


@pytest.mark.parametrize("height", [20, 40, 300])
@pytest.mark.parametrize("pen", [0.05, 0.1, 0.15])
def test_a_row_is_as_high_as_its_digits_are_in_mnist(height, pen):
    ink, _ = pair(height, max(1, round(pen * height)))
    image = as_row(ink, ink > 0, height, 0, 0).image
    assert image.shape[0] == HEIGHT
    assert image.shape[1] % STRIDE == 0
    rows = np.flatnonzero(image.max(axis=1) > 127)
    assert rows[-1] + 1 - rows[0] == pytest.approx(20, abs=3)
    assert (rows[0] + rows[-1] + 1) / 2 == pytest.approx(HEIGHT / 2, abs=1)
    columns = np.flatnonzero(image.max(axis=0) > 127)
    assert columns[-1] + 1 - columns[0] == pytest.approx(19, abs=3)


def test_what_is_higher_than_a_row_is_made_to_fit():
    ink, _ = pair(100, 10)
    image = as_row(ink, ink > 0, 40, 0, 0).image
    assert image.shape[0] == HEIGHT
    assert not image[0].any()
    assert image[2:4].any()


def test_only_own_ink_is_in_a_row():
    ink, _ = pair(60, 6)
    own = ink > 0
    ink[:, 200:] = 255
    assert as_row(ink, own, 60, 0, 0).image.shape[1] < 40


@pytest.mark.parametrize("height", [30, 200])
def test_boxes_are_around_the_digits_of_the_picture(height):
    ink, expected = pair(height, round(0.1 * height))
    row = as_row(ink[20:, 10:], ink[20:, 10:] > 0, height, left=10, top=20)
    middles = [(x + w / 2 - row.left) / row.across for x, _, w, _ in expected]
    for box, true in zip(boxes_along(row, middles, [1, 1]), expected, strict=True):
        assert box == pytest.approx(true, abs=0.12 * height)


def test_what_is_between_two_middles_is_parted_as_digits_are_wide():
    image = np.zeros((HEIGHT, 60), np.uint8)
    image[6:26, 6:54] = 255
    row = Row(image, left=100.0, top=50.0, across=2.0, down=2.0)
    first, second = boxes_along(row, [15, 45], [1.0, 2.0])
    assert first == (112, 62, 2 * 19, 40)
    assert second == (150, 62, 2 * 29, 40)


@pytest.mark.parametrize("pen", [1, 6, 12])
def test_boxes_keep_to_the_ink_of_the_picture(pen):
    ink, _ = pair(40, pen, left=0, top=0)
    ink = ink[: np.flatnonzero(ink.any(axis=1))[-1] + 1, : np.flatnonzero(ink.any(axis=0))[-1] + 1]
    row = as_row(ink, ink > 0, 40, 0, 0)
    middles = np.array([0.25, 0.75]) * row.image.shape[1]
    (left, top, _, _), (last, lower, width, height) = boxes_along(row, middles.tolist(), [1, 1])
    assert 0 <= left <= 2
    assert 0 <= top <= 2
    assert ink.shape[1] - 2 <= last + width <= ink.shape[1]
    assert ink.shape[0] - 2 <= lower + height <= ink.shape[0]


def test_every_digit_has_a_place_of_its_own(monkeypatch):
    upright(monkeypatch, TOUCHING=1.0, OVERLAP=14, SIZES=(0.8, 0.8))
    rows = compose_rows(blocks([1] * 90, widths=(2, 16)), 10, np.random.default_rng(9))
    apart = [np.diff(np.flatnonzero(labels < NONE)) for labels in rows.labels]
    assert min(np.concatenate(apart)) == 2


def test_nothing_remains_of_too_little_ink():
    speck = np.zeros((9, 9), np.uint8)
    speck[4, 4] = 1
    row = as_row(speck, speck > 0, 400, 0, 0)
    assert row.image.shape[0] == HEIGHT
    assert row.image.shape[1] % STRIDE == 0


def test_large_ink_among_small_digits_takes_little_room():
    blot = np.full((2000, 3000), 255, np.uint8)
    assert as_row(blot, blot > 0, 5, 0, 0).image.shape[1] < 100
