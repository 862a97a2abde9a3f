"""Pictures of another kind are noticed; those of the same kind hardly ever raise an alarm."""

import cv2
import numpy as np
import pytest

from pipeline.digits.datasets.mnist import mnist_5000
from pipeline.digits.inference.drift import FEWEST_PICTURES, Reference, Window


def answers(labels, rng, surest=6.0):
    """Return made-up probabilities, (n, 10): sure of the right digit, more or less."""
    logits = rng.normal(0, 1, (len(labels), 10))
    logits[np.arange(len(labels)), labels] += surest
    powers = np.exp(logits)
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def digits():
    return mnist_5000().train


@pytest.fixture(scope="module")
def reference(digits):
    rows = np.arange(0, len(digits), 2)
    found = Reference.of(
        digits.images[rows], answers(digits.labels[rows], np.random.default_rng(0))
    )
    return Reference.from_text(found.to_text())


def drawn(digits, rng, count=100, label=None):
    """Return digits that the reference was not made of."""
    rows = np.arange(1, len(digits), 2)
    rows = rows if label is None else rows[digits.labels[rows] == label]
    return digits.take(rng.choice(rows, count, replace=False))


def alarms(digits, reference, change=lambda images: images, surest=6.0, **which):
    found = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        sample = drawn(digits, rng, **which)
        drift = reference.compare(change(sample.images), answers(sample.labels, rng, surest))
        found += drift.is_alarm
    return found


def test_the_same_kind_raises_few_alarms(digits, reference):
    assert alarms(digits, reference) <= 5
    assert alarms(digits, reference, count=30) <= 5


def test_many_of_one_digit_are_no_other_kind(digits, reference):
    assert alarms(digits, reference, label=7) <= 5


def rotated(images):
    matrix = cv2.getRotationMatrix2D((13.5, 13.5), 30, 1)
    return np.stack([cv2.warpAffine(image, matrix, (28, 28)) for image in images])


def test_other_ink_and_less_sure_answers_are_noticed(digits, reference):
    assert alarms(digits, reference, rotated) >= 90
    assert alarms(digits, reference, lambda images: np.stack(list(map(bold, images)))) >= 90
    assert alarms(digits, reference, surest=4.0) >= 90


def bold(image):
    return cv2.dilate(image, np.ones((3, 3), np.uint8))


def test_what_changed_is_told_in_one_line(digits, reference):
    rng = np.random.default_rng(0)
    sample = drawn(digits, rng)
    drift = reference.compare(
        np.stack(list(map(bold, sample.images))), answers(sample.labels, rng, 3.0)
    )
    words = drift.in_words()
    assert words.startswith("these 100 pictures are of another kind than the training data: ")
    assert {"thicker strokes", "more ink", "less sure"} <= set(drift.changes)
    assert "(p = " in words


def test_nothing_is_said_of_few_or_blank_pictures_or_without_a_reference(digits, reference):
    rng = np.random.default_rng(0)
    sample = drawn(digits, rng, FEWEST_PICTURES)
    given = answers(sample.labels, rng)
    assert reference.compare(sample.images, given) is not None
    assert reference.compare(sample.images[1:], given[1:]) is None
    blank = np.concatenate([np.zeros((9, 28, 28), np.uint8), sample.images[9:]])
    assert reference.compare(blank, given) is None
    assert Reference.of(sample.images, given) is None
    for known in (None, reference):
        window = Window(known, size=40)
        for image, each in zip(sample.images, given, strict=True):
            window.add(image, each)
            window.add(None, None)
        assert (window.compare() is None) == (known is None)


def test_a_window_forgets_the_oldest(digits, reference):
    rng = np.random.default_rng(0)
    window, sample = Window(reference, size=100), drawn(digits, rng, 200)
    images = np.concatenate([rotated(sample.images[:100]), sample.images[100:]])
    for number, (image, each) in enumerate(zip(images, answers(sample.labels, rng), strict=True)):
        window.add(image, each)
        if number == 99:
            assert window.compare().is_alarm
    assert not window.compare().is_alarm
