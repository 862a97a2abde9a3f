"""Data that would make results wrong is refused."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.digits.datasets.checking import check_dataset
from pipeline.digits.splits import Dataset, Split
from pipeline.system.errors import InputError

IMAGES = np.full((6, 28, 28), 7, np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.uint8)
GOOD = Dataset(
    "some", "some files", None, ("a", "b", "c"), Split(IMAGES, LABELS), Split(IMAGES, LABELS)
)


def test_a_good_data_set_is_returned():
    assert check_dataset(GOOD) is GOOD
    without_c = replace(GOOD, test=Split(IMAGES[:2], LABELS[:2]))
    assert check_dataset(without_c) is without_c


@pytest.mark.parametrize(
    ("images", "labels", "problem"),
    [
        (IMAGES / 255, LABELS, "has pictures of float64 (6, 28, 28); uint8"),
        (IMAGES.reshape(6, -1), LABELS, "has pictures of uint8 (6, 784); uint8 (n, height, wid"),
        (np.repeat(IMAGES[..., None], 3, 3), LABELS, "has pictures of uint8 (6, 28, 28, 3)"),
        (IMAGES, LABELS.astype(int), "has labels of int64 (6,); uint8"),
        (IMAGES, np.eye(6, dtype=np.uint8), "has labels of uint8 (6, 6)"),
        (IMAGES[:5], LABELS, "has 5 pictures and 6 labels"),
        (IMAGES[:0], LABELS[:0], "holds no picture"),
        (IMAGES, LABELS + 1, "has 2 labels that are no class, such as 3 of picture 2; there are "),
        (np.zeros_like(IMAGES), LABELS, "holds only blank pictures"),
    ],
)
@pytest.mark.parametrize(("part", "said"), [("train", "training"), ("test", "test")])
def test_wrong_pictures_and_labels_are_refused(images, labels, problem, part, said):
    with pytest.raises(InputError) as refused:
        check_dataset(replace(GOOD, **{part: Split(images, labels)}))
    assert str(refused.value).startswith(f"some files: the {said} part {problem}")


def test_parts_with_pictures_of_two_sizes_are_refused():
    with pytest.raises(InputError, match=r"train on are 28 × 28 pixels, those to test on 20 × 28"):
        check_dataset(replace(GOOD, test=Split(IMAGES[..., :20], LABELS)))


def test_one_class_only_and_classes_without_pictures_are_refused():
    with pytest.raises(InputError, match="at least two classes are needed, not 1"):
        check_dataset(replace(GOOD, class_names=("a",)))
    with pytest.raises(InputError, match="has no picture of a, c to train on"):
        check_dataset(replace(GOOD, train=Split(IMAGES, np.full(6, 1, np.uint8))))


def test_what_is_no_data_set_is_refused():
    with pytest.raises(InputError, match=r"data\._target_: gives a str; it must give a Dataset"):
        check_dataset("mnist")
