"""What prepare reports about the data."""

import csv
import json
import logging

import numpy as np
import pytest

from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.digits.splits import Dataset, Split
from pipeline.stages import prepare, prepared
from pipeline.system.errors import InputError

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 28, 28)).astype(np.uint8)
LABELS = (np.arange(60) % 3).astype(np.uint8)
NAMES = np.array([f"=n{number}.png" for number in range(60)])


@pytest.fixture
def prepare_data(tmp_path, monkeypatch):
    """Run the stage on a data set; return the folder of its report."""
    report = tmp_path / "report"
    report.mkdir()
    monkeypatch.setattr(prepared, "PREPARED", tmp_path)
    monkeypatch.setattr(prepare, "report_dir", lambda _: report)
    config = validate(compose(["data=mnist_5000", "tracking.enabled=false"]))

    def run(train, test, **more):
        dataset = Dataset("some", "some files", None, ("a", "b", "c"), train, test, **more)
        monkeypatch.setattr(prepare, "call_target", lambda _: dataset)
        prepare.run(config)
        return report

    return run


def rows(file):
    with file.open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


def some(start, stop):
    return Split(IMAGES[start:stop], LABELS[start:stop], NAMES[start:stop])


def joined(*parts):
    return Split(*(np.concatenate(arrays) for arrays in zip(*map(vars_of, parts), strict=True)))


def vars_of(split):
    return split.images, split.labels, split.files


def test_duplicates_are_counted_listed_drawn_and_told(prepare_data, caplog):
    other_label = Split(IMAGES[4:5], LABELS[4:5] + 1, NAMES[4:5])
    report = prepare_data(some(0, 40), joined(some(40, 60), some(3, 4), other_label))
    metrics = json.loads((report / "metrics.json").read_text())
    assert metrics["duplicates_across_splits"] == 2
    assert metrics["near_duplicates_across_splits"] == 0
    assert metrics["duplicates_with_two_labels"] == 1
    first, second = rows(report / "duplicates.csv")
    assert (first["file"], first["label"], first["copy_label"]) == ("./=n4.png", "b", "c")
    assert (second["copy_split"], second["copy_row"], second["copy_file"]) == (
        *("test", "20"),
        "./=n3.png",
    )
    assert (report / "duplicates.png").is_file()
    assert (
        "2 duplicates across splits, 1 duplicates with two labels; see duplicates.csv"
        in caplog.text
    )


def test_sound_data_causes_no_warning(prepare_data, caplog):
    report = prepare_data(some(0, 40), some(40, 60))
    assert rows(report / "duplicates.csv") == []
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


def test_files_that_were_left_out_are_listed(prepare_data):
    report = prepare_data(some(0, 40), some(40, 60), left_out=(("+a.png", "is blank"),))
    assert rows(report / "left_out.csv") == [{"file": "./+a.png", "reason": "is blank"}]


def test_a_class_without_a_test_picture_is_told(prepare_data, caplog):
    prepare_data(some(0, 40), Split(IMAGES[40:42], np.zeros(2, np.uint8)))
    assert "test: holds no picture of b, c" in caplog.text


def test_a_test_set_that_was_trained_on_is_refused(prepare_data):
    with pytest.raises(InputError, match="some files: 11 of 20 test pictures are among those to"):
        prepare_data(some(0, 40), joined(some(0, 11), some(41, 50)))


def test_labels_out_of_range_are_refused(prepare_data):
    with pytest.raises(InputError, match="the test part has 7 labels that are no class"):
        prepare_data(some(0, 40), Split(IMAGES[40:], LABELS[40:] + 1))
