"""From picture files to a stream of predictions, with a classifier of the test's own."""

import base64
import os
import threading
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from support.networks import write_reader

from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.digits import serving
from pipeline.digits.preprocessing import normalise, streaming
from pipeline.digits.preprocessing.decoding import AT_FIRST, ENOUGH, read_picture
from pipeline.digits.preprocessing.finding import find_pictures
from pipeline.digits.recognition import digit as recognition
from pipeline.digits.recognition.digit import THUMBNAIL, recognise
from pipeline.stages import predict_custom
from pipeline.stages.prediction_files import write_predictions
from pipeline.system.errors import InputError


class Anything:
    """Sees every digit alike in every picture."""

    def probabilities(self, images):
        return np.full((len(images), 10), 0.1, np.float32)


class Ink:
    """Answers 1 for an upright stroke, 0 for anything wider, as sure as it is told to be."""

    def __init__(self, sure=0.9):
        self.sure = sure
        self.batches = []

    def probabilities(self, images):
        self.batches.append(len(images))
        assert images.dtype == np.uint8
        assert images.shape[1:] == (28, 28)
        wide = (images.max(axis=1) > 127).sum(axis=1) > 9
        answers = np.full((len(images), 10), 0.0, np.float32)
        answers[np.arange(len(images)), np.where(wide, 0, 1)] = self.sure
        answers[np.arange(len(images)), np.where(wide, 6, 7)] = 1 - self.sure
        return answers


def picture(kind, side=60):
    image = Image.new("L", (side, side), 240)
    pen = ImageDraw.Draw(image)
    low, high = side // 4, side * 3 // 4
    if kind == 0:
        pen.ellipse((low, low, high, high), outline=10, width=side // 12)
    elif kind == 1:
        pen.line((side // 2, low, side // 2, high), fill=10, width=side // 12)
    return image


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "more").mkdir()
    picture(0).save(tmp_path / "b.png")
    picture(1).save(tmp_path / "a one.png")
    picture(0, 400).save(tmp_path / "more" / "zéro.jpg")
    picture(None).save(tmp_path / "blank.png")
    (tmp_path / "text.png").write_text("no picture")
    return tmp_path


def answers(folder, **options):
    options = {"classifier": Ink(), "unsure_below": 0.5, "chunk_size": 256} | options
    classifier = options.pop("classifier")
    found = recognise(find_pictures(folder), folder, classifier, **options)
    return {prediction.file: prediction for prediction in found}


def test_files_are_answered_in_the_order_given(folder):
    paths = [*find_pictures(folder)][::-1]

    found = list(recognise(paths, folder, Ink(), unsure_below=0.5, chunk_size=2))

    assert [prediction.file for prediction in found] == [
        path.relative_to(folder).as_posix() for path in paths
    ]


def test_a_sure_answer_is_ok(folder):
    answer = answers(folder)["a one.png"]

    assert (answer.digit, answer.second, answer.status, answer.detail) == (1, 7, "ok", "")
    assert answer.confidence == pytest.approx(0.9)
    assert answer.second_confidence == pytest.approx(0.1)


def test_names_are_posix_and_unicode(folder):
    assert answers(folder)["more/zéro.jpg"].digit == 0


def test_a_name_that_is_not_utf8_can_be_written_down(folder):
    picture(1).save(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png"), format="PNG")
    (name,) = (file for file in answers(folder) if file.startswith("caf"))
    assert name.encode() == "caf\N{REPLACEMENT CHARACTER}.png".encode()


def test_below_the_threshold_is_unsure_and_names_the_other_digit(folder):
    answer = answers(folder, unsure_below=0.95)["b.png"]

    assert (answer.digit, answer.status) == (0, "unsure")
    assert answer.detail == "could also be 6"


def test_what_might_be_any_digit_is_hardly_one(folder):
    answer = answers(folder, classifier=Anything(), unsure_below=0.7)["b.png"]

    assert (answer.status, answer.detail) == ("unsure", "hardly a digit")


def test_a_blank_picture_is_unsure_however_sure_the_network_is(folder):
    answer = answers(folder, unsure_below=0.0)["blank.png"]

    assert answer.status == "unsure"
    assert "blank" in answer.detail


def test_a_broken_picture_is_an_error_and_harms_no_other(folder):
    found = answers(folder)
    answer = found["text.png"]

    assert (answer.digit, answer.second, answer.status) == (None, None, "error")
    assert answer.detail
    assert answer.image is None
    assert answer.thumbnail is None
    assert sum(other.status == "ok" for other in found.values()) == 3


def test_only_broken_pictures_need_no_network(tmp_path):
    (tmp_path / "x.png").write_bytes(b"")
    classifier = Ink()

    assert answers(tmp_path, classifier=classifier)["x.png"].status == "error"
    assert classifier.batches == []


def test_what_the_reader_stumbles_over_is_one_error(folder, monkeypatch):
    real = normalise.read

    def sometimes(pixels):
        if pixels.shape[0] > 60:
            raise MemoryError("too much")
        return real(pixels)

    monkeypatch.setattr(normalise, "read", sometimes)

    found = answers(folder)

    assert found["more/zéro.jpg"].status == "error"
    assert "too much" in found["more/zéro.jpg"].detail
    assert found["b.png"].status == "ok"


def test_frames_left_out_are_said(tmp_path):
    picture(0).save(tmp_path / "x.png", save_all=True, append_images=[picture(1)])

    answer = answers(tmp_path)["x.png"]

    assert (answer.digit, answer.status) == (0, "ok")
    assert "first of 2 frames" in answer.detail


def test_image_is_what_the_network_saw_and_the_thumbnail_is_small(folder):
    picture(0, 400).save(folder / "large.png")

    answer = answers(folder, thumbnails=99)["large.png"]

    assert np.array_equal(answer.image, normalise.read(np.asarray(picture(0, 400))).image)
    assert THUMBNAIL / 2 < max(answer.thumbnail.shape) <= THUMBNAIL
    assert answer.thumbnail.dtype == np.uint8


@pytest.mark.parametrize(("height", "looks"), [(300, [AT_FIRST]), (50, [AT_FIRST, ENOUGH])])
def test_a_jpeg_is_decoded_in_full_only_for_a_small_digit(tmp_path, height, looks):
    page = Image.new("L", (600, 500), 235)
    box = (90, 90, 90 + height // 2, 90 + height)
    ImageDraw.Draw(page).ellipse(box, outline=20, width=height // 15)
    page.save(tmp_path / "x.jpg", quality=95)
    asked = []

    def open_picture(enough):
        asked.append(enough)
        return read_picture(tmp_path / "x.jpg", enough)

    picture, reading = normalise.read_digit(open_picture)

    assert asked == looks
    assert max(picture.pixels.shape) == (300 if len(looks) == 1 else 600)
    assert np.array_equal(reading.image, normalise.read(picture.pixels).image)
    in_full = normalise.read(np.asarray(page)).image
    assert np.corrcoef(reading.image.ravel(), in_full.ravel())[0, 1] > 0.85


def test_a_picture_that_is_handed_over_is_looked_at_as_closely_as_a_file(tmp_path):
    page = Image.new("L", (600, 500), 235)
    ImageDraw.Draw(page).ellipse((90, 90, 120, 140), outline=20, width=4)  # small: a second look
    page.save(tmp_path / "x.jpg")
    content = (tmp_path / "x.jpg").read_bytes()
    network = Ink()
    network.input_shape = 28, 28

    given = serving.answer([content, base64.b64encode(content).decode()], network, unsure_below=0.5)

    from_file = answers(tmp_path)["x.jpg"].image
    assert all(np.array_equal(each.image, from_file) for each in given)


def test_only_as_many_thumbnails_are_kept_as_are_shown(tmp_path):
    for number in range(4):
        picture(number % 2).save(tmp_path / f"{number}.png")

    found = answers(tmp_path, thumbnails=3).values()
    assert [answer.thumbnail is not None for answer in found] == [True, True, True, False]


def test_one_batch_a_chunk(tmp_path):
    for number in range(7):
        picture(number % 2).save(tmp_path / f"{number}.png")
    classifier = Ink()

    assert len(answers(tmp_path, classifier=classifier, chunk_size=3)) == 7
    assert classifier.batches == [3, 3, 1]


def test_it_streams_and_reads_one_chunk_ahead(tmp_path, monkeypatch):
    for number in range(20):
        picture(1).save(tmp_path / f"{number:02}.png")
    begun, lock, real = [], threading.Lock(), recognition.read_picture

    def counted(path, enough):
        with lock:
            begun.append(path)
        return real(path, enough)

    monkeypatch.setattr(recognition, "read_picture", counted)
    stream = recognise(find_pictures(tmp_path), tmp_path, Ink(), unsure_below=0.5, chunk_size=4)

    next(stream)

    assert len(begun) <= 8
    assert len(list(stream)) == 19


def test_many_files_are_answered_by_processes_as_by_threads(tmp_path, monkeypatch):
    for number in range(streaming.WORTH_PROCESSES):
        picture(number % 3, 28 + number % 5).save(tmp_path / f"{number:03}.png")
    (tmp_path / "100.png").write_text("no picture")

    by_processes = answers(tmp_path, thumbnails=300)
    monkeypatch.setattr(streaming, "WORTH_PROCESSES", 1000)
    by_threads = answers(tmp_path, thumbnails=300)

    assert [*by_processes] == [*by_threads]
    for one, other in zip(by_processes.values(), by_threads.values(), strict=True):
        np.testing.assert_equal(asdict(one), asdict(other))
    assert {answer.status for answer in by_threads.values()} == {"ok", "unsure", "error"}


@pytest.mark.parametrize("mode", ["digit", "number"])
def test_the_stage_keeps_the_pictures_that_its_plot_shows(tmp_path, monkeypatch, mode):
    for number in range(4):
        picture(number % 2).save(tmp_path / f"{number}.png")
    model = write_reader(tmp_path / "model.onnx", 0)
    overrides = [f"images={tmp_path}", f"output={tmp_path / 'out'}", f"model={model}"]
    options = [f"predict.{override}" for override in overrides]
    options += [f"predict.mode={mode}", "predict.grid_limit=3", "tracking=none"]
    plotted = []
    monkeypatch.setattr(predict_custom, "plot", lambda tally, *_: plotted.append(tally))

    predict_custom.run(validate(compose(options)))

    (tally,) = plotted
    assert tally.by_status.total() == 4
    assert [shown.file for shown in tally.shown] == ["0.png", "1.png", "2.png"]
    assert all(shown.thumbnail is not None for shown in tally.shown)


def test_no_files_no_answers(tmp_path):
    assert list(recognise([], tmp_path, Ink(), unsure_below=0.5, chunk_size=256)) == []


def test_what_an_earlier_run_drew_is_no_picture_to_read(folder):
    for place in (folder, folder / "of another run"):
        (place / "explain").mkdir(parents=True)
        (place / "predictions.csv").touch()
        picture(1).save(place / "predictions.png")
        picture(1).save(place / "explain" / "a one.png.png")
    (folder.parent / "link").symlink_to(folder)
    own = {"predictions.png", "a one.png.png"}
    for place in (folder.parent / "link", folder / ".." / folder.name, folder):
        left = predict_custom._own_files_left_out(find_pictures(place), place, place)
        assert not own & {path.name for path in left}
        assert len(left) == 5


def test_pictures_that_only_lie_where_drawn_ones_might_are_read(folder):
    (folder / "explain").mkdir()
    picture(1).save(folder / "explain" / "a one.png")
    picture(1).save(folder / "predictions.png")
    found = find_pictures(folder)
    assert predict_custom._own_files_left_out(found, folder, folder.parent) == found
    (folder / "predictions.csv").touch()  # above the pictures, it says nothing of them
    explained = find_pictures(folder / "explain")
    assert predict_custom._own_files_left_out(explained, folder / "explain", folder) == explained


def test_a_picture_of_somebody_elses_is_not_written_over(folder):
    picture(1).save(folder / "predictions.png")
    (folder / "link").symlink_to(folder)
    for output in (folder, folder / "link"):
        with pytest.raises(InputError, match="would be overwritten"):
            predict_custom._own_files_left_out(find_pictures(folder), folder, output)


def test_a_folder_of_nothing_but_what_was_drawn_is_refused(tmp_path):
    picture(1).save(tmp_path / "predictions.png")
    (tmp_path / "predictions.csv").touch()
    with pytest.raises(InputError, match="holds nothing but"):
        predict_custom._own_files_left_out(find_pictures(tmp_path), tmp_path, tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's always full device")
def test_a_full_disk_is_told_with_the_table_that_did_not_fit(tmp_path):
    table = tmp_path / "predictions.csv"
    table.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as told:
        write_predictions(tmp_path, [], {}, 0, 0)
    assert told.value.filename == str(table)


def test_rows_of_labels_that_cannot_be_right_are_told_of(caplog):
    labels = {"a.png": "7", "b.png": "1 2\n3", "c.png": "x", "A.PNG": "7"}
    predict_custom._tell_unused(labels, {"a.png", "b.png", "c.png", "d.png"})
    assert [record.getMessage() for record in caplog.records] == [
        "labels.csv: rows that name a picture that is not there: 1, such as A.PNG",
        "labels.csv: rows that give a label that is no number: 1, such as c.png",
    ]
