"""A person's own labelled pictures as a data set."""

import logging
from functools import partial

import cv2
import numpy as np
import pytest

from pipeline.digits.datasets.folders import folder
from pipeline.digits.preprocessing.decoding import read_picture
from pipeline.digits.preprocessing.normalise import decode_and_normalise
from pipeline.digits.splits import class_counts
from pipeline.stages.prepare import split_dataset
from pipeline.system.errors import InputError


def draw(path, digit, shift=0):
    """Write a digit on white paper."""
    path.parent.mkdir(parents=True, exist_ok=True)
    paper = np.full((60, 60), 255, np.uint8)
    cv2.putText(paper, str(digit), (15 + shift, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.4, 0, 3)
    cv2.imwrite(str(path), paper)


@pytest.fixture
def sorted_folders(tmp_path):
    """Return folders 0 to 9 with five pictures each."""
    for digit in range(10):
        for number in range(5):
            draw(tmp_path / str(digit) / f"{number}.png", digit, number)
    return tmp_path


def test_folders_named_by_digit_are_labels(sorted_folders):
    dataset = folder(path=str(sorted_folders), test_share=0.2)
    assert class_counts(dataset.train, 10) == [4] * 10
    assert class_counts(dataset.test, 10) == [1] * 10
    assert dataset.train.images.shape == (40, 28, 28)
    assert dataset.train.images[:, 0].max() == 0  # light on dark, as MNIST is
    assert dataset.train.images.max() > 200
    assert (dataset.name, dataset.source) == ("folder", "a folder of labelled pictures")
    assert dataset.note is None
    assert dataset.class_names == tuple("0123456789")


def test_a_small_digit_in_a_large_jpeg_is_read_as_predict_custom_reads_it(sorted_folders):
    page = np.full((900, 1200), 240, np.uint8)
    cv2.putText(page, "5", (700, 300), cv2.FONT_HERSHEY_SIMPLEX, 2.4, 20, 5)
    cv2.imwrite(str(sorted_folders / "5" / "large.jpg"), page)

    dataset = folder(path=str(sorted_folders), test_share=0.2)

    seen = np.concatenate([dataset.train.images, dataset.test.images])
    read = decode_and_normalise(partial(read_picture, sorted_folders / "5" / "large.jpg"))[1][
        0
    ].image
    assert (seen == read).all(axis=(1, 2)).any()


def test_the_test_set_is_the_same_each_time(sorted_folders):
    first, second = (folder(path=str(sorted_folders)).test for _ in range(2))
    assert np.array_equal(first.images, second.images)


def test_labels_csv_wins_over_the_folders_name(sorted_folders):
    (sorted_folders / "labels.csv").write_text("file,label\n0/0.png,1\n")
    dataset = folder(path=str(sorted_folders))
    counts = np.add(class_counts(dataset.train, 10), class_counts(dataset.test, 10))
    assert counts.tolist() == [4, 6, *[5] * 8]


def test_what_has_no_label_or_cannot_be_read_is_left_out_aloud(sorted_folders, caplog):
    draw(sorted_folders / "unsorted.png", 3)
    (sorted_folders / "3" / "broken.png").write_bytes(b"no picture")
    draw(sorted_folders / "3" / "blank.png", "")
    dataset = folder(path=str(sorted_folders))
    assert len(dataset.train) + len(dataset.test) == 50
    assert "pictures left out: 1, without a label, such as unsorted.png" in caplog.text
    assert "pictures left out: 2, blank or not readable, such as 3/blank.png" in caplog.text
    assert dataset.left_out == (
        ("3/blank.png", "is blank"),
        ("3/broken.png", "is not a picture in a known format"),
        ("unsorted.png", "has no label"),
    )


def test_every_picture_keeps_the_name_of_its_file(sorted_folders):
    dataset = folder(path=str(sorted_folders))
    for split in (dataset.train, dataset.test):
        assert [name[0] for name in split.files] == [str(label) for label in split.labels]
    assert len({*dataset.train.files, *dataset.test.files}) == 50


def test_labels_csv_opens_no_file_but_those_that_were_found(sorted_folders, tmp_path, caplog):
    outside = tmp_path.parent / f"{tmp_path.name}-outside.png"
    draw(outside, 9)
    rows = [f"../{outside.name},3", f"{outside},3", "./0/0.png,1", "/etc/passwd,1"]
    (sorted_folders / "labels.csv").write_text("\n".join(["file,label", *rows]))
    dataset = folder(path=str(sorted_folders))
    assert len(dataset.train) + len(dataset.test) == 50
    both = [*dataset.train.files, *dataset.test.files]
    labels = [*dataset.train.labels, *dataset.test.labels]
    assert labels[both.index("0/0.png")] == 1
    assert "labels.csv: 3, rows that name a missing picture, such as ../" in caplog.text


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("file,label\na.png,ten\n", "a.png has the label 'ten'"),
        ("file,label\na.png,1\na.png,2\n", "a.png has two labels, 1 and 2"),
        ("", "more of every digit"),
    ],
)
def test_useless_folders_are_refused_in_one_line(tmp_path, labels, message):
    draw(tmp_path / "a.png", 1)
    if labels:
        (tmp_path / "labels.csv").write_text(labels)
    with pytest.raises(InputError, match=message) as caught:
        folder(path=str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_part_without_a_digit_or_a_picture_is_refused(sorted_folders):
    for number in range(5):
        (sorted_folders / "7" / f"{number}.png").unlink()
    with pytest.raises(InputError, match="no 7 to train on"):
        folder(path=str(sorted_folders))
    for number in range(5):
        (sorted_folders / "5" / f"{number}.png").unlink()
    with pytest.raises(InputError, match="no 5, 7 to train on"):
        folder(path=str(sorted_folders))
    draw(sorted_folders / "5" / "0.png", 5)
    draw(sorted_folders / "7" / "0.png", 7)
    with pytest.raises(InputError, match="to train on"):
        folder(path=str(sorted_folders), test_share=0.99)
    with pytest.raises(InputError, match="none to test on"):
        folder(path=str(sorted_folders), test_share=0.001)


def test_a_validation_part_that_takes_the_last_picture_of_a_digit_is_refused(tmp_path):
    for digit in range(10):
        for number in range(2):
            draw(tmp_path / str(digit) / f"{number}.png", digit, number)
    dataset = folder(path=str(tmp_path))
    assert min(class_counts(dataset.train, 10)) == 1
    reason = r"prepare\.validation_size=5000: leaves no picture of 8 to train on; .* must hold more"
    with pytest.raises(InputError, match=reason) as caught:
        split_dataset(dataset, 5000, seed=42)
    assert "\n" not in str(caught.value)


def test_how_many_pictures_were_found_is_told(sorted_folders, caplog):
    caplog.set_level(logging.INFO, logger="pipeline.digits")
    folder(path=str(sorted_folders))
    assert caplog.messages == [f"50 labelled pictures found: files in {sorted_folders}"]
