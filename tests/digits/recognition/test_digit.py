"""From picture files to a stream of predictions, with a classifier of the test's own."""

import os
import threading
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image, ImageDraw
from support.pictures import Ink, picture, write_samples

from pipeline.digits.preprocessing import normalise as normalising
from pipeline.digits.preprocessing import streaming
from pipeline.digits.preprocessing.finding import find_pictures
from pipeline.digits.preprocessing.normalise import normalise
from pipeline.digits.recognition import digit as recognition
from pipeline.digits.recognition.digit import THUMBNAIL_SIDE, recognise


class Anything:
    """Sees every digit alike in every picture."""

    def digit_probabilities(self, images):
        return np.full((len(images), 10), 0.1, np.float32)


@pytest.fixture
def folder(tmp_path):
    write_samples(tmp_path)
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


def test_what_is_likelier_no_digit_is_hardly_one_however_sure_of_which(folder):
    class Wary(Ink):
        """Takes only a third of what it sees for digits."""

        def digit_probabilities(self, images):
            return super().digit_probabilities(images) / 3

    answer = answers(folder, classifier=Wary(sure=0.99))["b.png"]

    assert (answer.digit, answer.status, answer.detail) == (0, "unsure", "hardly a digit")
    assert answer.confidence == pytest.approx(0.99)
    assert answers(folder, classifier=Wary(), unsure_below=0.0)["b.png"].status == "ok"
    assert answer.of_a_digit < 0.5 < answers(folder)["b.png"].of_a_digit


def test_a_blank_picture_is_unsure_however_sure_the_network_is(folder):
    answer = answers(folder, unsure_below=0.0)["blank.png"]

    assert answer.status == "unsure"
    assert "blank" in answer.detail


def test_a_broken_picture_is_an_error_and_harms_no_other(folder):
    found = answers(folder)
    answer = found["text.png"]

    assert (answer.digit, answer.second, answer.status) == (None, None, "error")
    assert answer.detail
    assert (answer.confidence, answer.second_confidence) == (0.0, 0.0)
    assert answer.image is None
    assert answer.thumbnail is None
    assert sum(other.status == "ok" for other in found.values()) == 3


def test_only_broken_pictures_need_no_network(tmp_path):
    (tmp_path / "x.png").write_bytes(b"")
    classifier = Ink()

    assert answers(tmp_path, classifier=classifier)["x.png"].status == "error"
    assert classifier.batches == []


def test_what_breaks_the_normalising_is_one_error(folder, monkeypatch):
    real = normalising.readings

    def sometimes(pixels):
        if pixels.shape[0] > 60:
            raise MemoryError("too much")
        return real(pixels)

    monkeypatch.setattr(normalising, "readings", sometimes)

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

    assert np.array_equal(answer.image, normalise(np.asarray(picture(0, 400))).image)
    assert THUMBNAIL_SIDE / 2 < max(answer.thumbnail.shape) <= THUMBNAIL_SIDE
    assert answer.thumbnail.dtype == np.uint8


def test_readings_of_several_pictures_are_one_batch_and_do_not_mix(tmp_path):
    page = picture(0, 200)
    ImageDraw.Draw(page).rectangle((20, 20, 180, 180), outline=10, width=3)
    for name in ("a.png", "c.png"):
        page.save(tmp_path / name)
    picture(1).save(tmp_path / "b.png")
    classifier = Ink(sure=0.99)

    found = answers(tmp_path, classifier=classifier)

    assert [each.digit for each in found.values()] == [0, 1, 0]
    assert np.array_equal(found["a.png"].probabilities, found["c.png"].probabilities)
    (batch,) = classifier.batches
    assert batch > 5


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
    assert len(classifier.batches) == 3


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


def test_no_files_no_answers(tmp_path):
    assert list(recognise([], tmp_path, Ink(), unsure_below=0.5, chunk_size=256)) == []


def test_a_small_picture_is_read_as_a_whole_as_well(tmp_path):
    """The bands at its sides leave nothing to cut a digit from."""
    pixels = np.zeros((28, 28), np.uint8)
    pixels[4:24, 13:15] = 255
    pixels[:, :7] = pixels[:, -7:] = 255
    Image.fromarray(pixels).save(tmp_path / "x.png")

    class Stroke:
        """Is sure of a one where there is ink along two columns, and of nothing else."""

        def digit_probabilities(self, images):
            self.images = images
            columns = (images > 127).any(axis=1).sum(axis=1)
            answers = np.full((len(images), 10), 0.1, np.float32)
            answers[columns == 2] = np.eye(10, dtype=np.float32)[1]
            return answers

    stroke = Stroke()
    answer = answers(tmp_path, classifier=stroke)["x.png"]

    assert len(stroke.images) >= 3
    assert (answer.digit, answer.status) == (1, "ok")
    assert not answer.image[:, :7].any()
