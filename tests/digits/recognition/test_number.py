"""Picture files become numbers: what is sure, what is not, and where each digit is."""

import csv

import cv2
import numpy as np
import pytest
from PIL import Image
from support.lines import bar_reader, bars

from pipeline.digits.recognition import number
from pipeline.digits.recognition.number import recognise_numbers
from pipeline.stages.prediction_files import write_predictions


@pytest.fixture
def folder(tmp_path):
    Image.fromarray(cv2.resize(bars((30, 70)), None, fx=6, fy=6)).save(tmp_path / "a.png")
    Image.fromarray(bars((30, 70, 110), (50, 90))).save(tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes(b"no picture")
    Image.fromarray(np.full((50, 50), 255, np.uint8)).save(tmp_path / "d.png")
    return tmp_path


def read(folder, *, unsure_below=0.0, chunk_size=3, **options):
    paths = sorted(folder.glob("*.png"))
    reader = bar_reader()
    return recognise_numbers(
        paths, folder, reader, unsure_below=unsure_below, chunk_size=chunk_size, **options
    )


def test_files_become_predictions_in_order(folder):
    first, second, broken, blank = read(folder)
    assert (first.file, first.digit, first.status, first.detail) == ("a.png", "01", "ok", "")
    assert first.digits[0].left == pytest.approx(6 * 30, abs=12), "boxes are in the file's pixels"
    assert first.size == (1800, 1200)
    assert (second.digit, second.status) == ("012 01", "ok")
    assert (broken.digit, broken.status) == (None, "error")
    assert "not a picture" in broken.detail
    assert (blank.digit, blank.status, blank.second) == (None, "unsure", None)
    assert "blank" in blank.detail


def test_confidence_is_that_of_the_whole_number(folder):
    _, second, *_ = read(folder)
    assert second.confidence == pytest.approx(0.95**5, abs=1e-3)


def test_a_number_below_the_threshold_is_unsure_and_says_what_else_it_may_be(folder):
    first, second, *_ = read(folder, unsure_below=0.85)
    assert first.status == "ok"
    assert (second.digit, second.status) == ("012 01", "unsure")
    assert second.detail == f"could also be {second.second}"
    assert not any(second.doubts), "each digit is above it"
    (*_,) = doubts = next(read(folder, unsure_below=0.97)).doubts
    assert all(doubts)


def test_ink_that_is_read_as_none_makes_a_sure_number_unsure(folder):
    picture = bars((30, 70, 110))
    picture[36:60, 200:208] = 40
    Image.fromarray(picture).save(folder / "a.png")
    (answer,) = recognise_numbers(
        [folder / "a.png"], folder, bar_reader(share=0.6), unsure_below=0.0, chunk_size=1
    )
    assert (answer.digit, answer.status) == ("012", "unsure")
    assert "read as none" in answer.detail


def test_a_picture_that_breaks_the_search_is_an_error_of_its_own(folder, monkeypatch):
    def breaks(pixels):
        raise MemoryError("too large")

    monkeypatch.setattr(number, "find_lines", breaks)
    answers = list(read(folder))
    assert [each.status for each in answers] == ["error"] * 4
    assert "too large" in answers[0].detail


def test_the_first_ones_show_their_picture(folder):
    answers = list(read(folder, thumbnails=1))
    assert answers[0].thumbnail.shape == (341, 512)
    assert answers[1].thumbnail is None


def test_both_tables_are_written(folder, tmp_path):
    labels = {"a.png": "0 1", "b.png": "1", "c.png": "1"}
    tally = write_predictions(tmp_path, read(folder), labels, 4, 9)
    with (tmp_path / "predictions.csv").open(newline="") as file:
        pictures = list(csv.DictReader(file))
    assert [(each["digit"], each["status"]) for each in pictures] == [
        ("01", "ok"), ("012 01", "ok"), ("", "error"), ("", "unsure")
    ]  # fmt: skip
    with (tmp_path / "numbers.csv").open(newline="") as file:
        digits = list(csv.DictReader(file))
    places = [(each["line"], each["position"], each["digit"], each["status"]) for each in digits]
    assert places == [
        ("0", "0", "0", "ok"), ("0", "1", "1", "ok"),
        *(("0", str(place), str(place), "ok") for place in range(3)),
        ("1", "0", "0", "ok"), ("1", "1", "1", "ok"),
        ("", "", "", "error"), ("", "", "", "unsure"),
    ]  # fmt: skip
    assert int(digits[2]["left"]) == pytest.approx(30, abs=2)
    assert float(digits[2]["confidence"]) == pytest.approx(0.95, abs=1e-3)
    assert tally.metrics()["custom_accuracy"] == pytest.approx(1 / 3)
