"""Which corrections are learned from, and which are held back."""

import shutil

import cv2
import numpy as np
import pytest

from pipeline.system.errors import InputError
from pipeline.teaching.lesson import FEWEST_HELD_BACK, HELD_BACK, Lesson


def write(path, digit, shift):
    path.parent.mkdir(parents=True, exist_ok=True)
    paper = np.full((60, 60), 255, np.uint8)
    at = (10 + shift % 10, 40 + shift // 10)
    cv2.putText(paper, str(digit), at, cv2.FONT_HERSHEY_SIMPLEX, 1.4, 0, 3)
    cv2.imwrite(str(path), paper)


@pytest.fixture
def corrections(tmp_path):
    """Return a folder of 100 pictures, ten of each digit, in folders named by digit."""
    for digit in range(10):
        for shift in range(10):
            write(tmp_path / str(digit) / f"{shift}.png", digit, shift)
    return tmp_path


def pictures(split):
    return {image.tobytes() for image in split.images}


def test_a_share_is_held_back_and_never_learned(corrections):
    lesson = Lesson.read(corrections)
    assert len(lesson.learned) + len(lesson.held_back) == 100
    assert 15 <= len(lesson.held_back) <= 45
    assert lesson.learned.images.shape[1:] == (28, 28)
    assert set(lesson.learned.labels) == set(range(10))


def test_a_picture_once_held_back_always_is(corrections):
    before = Lesson.read(corrections)
    for shift in range(10, 60):
        write(corrections / "3" / f"more{shift}.png", 3, shift)
    (corrections / "4" / "0.png").rename(corrections / "4" / "renamed.png")
    after = Lesson.read(corrections)
    assert len(after.held_back) > len(before.held_back)
    assert pictures(before.held_back) <= pictures(after.held_back)


def test_a_picture_counts_once(corrections):
    before = Lesson.read(corrections)
    shutil.copy(corrections / "5" / "0.png", corrections / "5" / "again.png")
    after = Lesson.read(corrections)
    assert (len(after.learned), len(after.held_back)) == (
        len(before.learned), len(before.held_back),
    )  # fmt: skip


def test_one_picture_with_two_labels_is_refused(corrections):
    shutil.copy(corrections / "5" / "0.png", corrections / "6" / "same.png")
    with pytest.raises(InputError, match=r"the same picture with the labels 5 and 6; delete one"):
        Lesson.read(corrections)


def test_too_few_to_tell_better_from_chance_are_refused_in_one_line(tmp_path):
    assert FEWEST_HELD_BACK == 5
    for shift in range(4):
        write(tmp_path / "7" / f"{shift}.png", 7, shift)
    with pytest.raises(InputError, match=r"4 usable pictures, .*; 5 must be") as caught:
        Lesson.read(tmp_path)
    assert "\n" not in str(caught.value)
    assert f"{2 * 5 / HELD_BACK:.0f} in all" in str(caught.value)


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match="nothing: no such folder"):
        Lesson.read(tmp_path / "nothing")
