"""Pictures that occur twice."""

import cv2
import numpy as np
import pytest

from pipeline.digits.datasets import duplicates
from pipeline.digits.datasets.duplicates import Place, find_duplicates
from pipeline.digits.datasets.mnist import mnist_5000
from pipeline.digits.splits import Split

DIGITS = mnist_5000()


def splits(train, test, labels=None):
    """Return two splits that hold these pictures, all of the same class if none is given."""
    parts = {"train": np.array(train), "test": np.array(test)}
    given = labels or {name: np.zeros(len(images), np.uint8) for name, images in parts.items()}
    return {name: Split(images, given[name]) for name, images in parts.items()}


def test_no_two_of_five_thousand_digits_are_nearly_equal():
    assert find_duplicates({"train": DIGITS.train, "test": DIGITS.test}) == []


def test_equal_pictures_are_found_across_and_within_splits():
    one, other, third = DIGITS.train.images[[0, 1000, 2000]]
    found = find_duplicates(splits([one, other, one], [third, other, one]))
    places = [(each.first, each.second) for each in found]
    assert places == [
        (Place("train", 1), Place("test", 1)),
        (Place("train", 0), Place("test", 2)),
        (Place("train", 0), Place("train", 2)),
    ]
    assert all(each.is_exact for each in found)
    assert [each.is_across for each in found] == [True, True, False]


def test_a_picture_with_two_labels_comes_first():
    images = DIGITS.train.images[[0, 1000, 2000]]
    labels = {"train": np.array([3, 5, 7], np.uint8), "test": np.array([3, 5, 8], np.uint8)}
    found = find_duplicates(splits(images, images, labels))
    assert [each.same_label for each in found] == [False, True, True]
    assert found[0].first == Place("train", 2)


def as_jpeg(image):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 75])[1], 0)


def noisy(image):
    noise = np.random.default_rng(0).normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("change", [as_jpeg, noisy, lambda image: (image * 0.85).astype(np.uint8)])
def test_pictures_that_were_saved_again_are_found(change):
    chosen = np.arange(0, 4500, 45)
    copies = np.stack([change(image) for image in DIGITS.train.images[chosen]])
    found = find_duplicates(splits(DIGITS.train.images, [*DIGITS.test.images, *copies]))
    assert len(found) >= 95
    for each in found:
        assert each.first == Place("train", chosen[each.second.row - len(DIGITS.test)])
        assert 0 < each.distance < duplicates.NEAR


def test_nearly_equal_pictures_within_a_split_are_not_listed():
    image = DIGITS.train.images[0]
    assert find_duplicates(splits([image, as_jpeg(image)], DIGITS.test.images[:1])) == []


def test_thousands_alike_are_compared_with_few(monkeypatch):
    monkeypatch.setattr(duplicates, "_MOST_NEIGHBOURS", 5)
    alike = np.full((300, 28, 28), 100, np.uint8)
    alike[np.arange(300), 14, np.arange(300) % 28] += np.arange(300, dtype=np.uint8) // 28
    alike[np.arange(300), 15, np.arange(300) // 28] += 20
    found = find_duplicates(splits(alike[:200], alike[200:]))
    assert 0 < sum(not each.is_exact for each in found) <= 100


def test_pictures_of_any_size_are_compared_even_blank_ones():
    small = np.zeros((2, 3, 40), np.uint8)
    (found,) = find_duplicates(splits(small[:1], small[1:]))
    assert found.is_exact
