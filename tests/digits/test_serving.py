"""Digits of pictures that a caller hands over, in whatever form."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw
from support.drawings import draw
from support.pictures import Ink, picture

from pipeline.digits.preprocessing.normalise import normalise
from pipeline.digits.recognition.digit import recognise
from pipeline.digits.serving import answer, unstack


@pytest.fixture
def network():
    return Ink()


def encoded(image):
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_a_picture_is_read_in_every_form(network):
    one = picture(1)
    content, grey = encoded(one), np.asarray(one)
    pictures = [
        content,
        bytearray(content),
        memoryview(content),
        base64.b64encode(content).decode(),
        grey,
        np.dstack([grey] * 3),
        grey.astype(np.int64),
        grey.tolist(),
    ]

    found = answer(pictures, network, unsure_below=0.5)

    assert [each.digit for each in found] == [1] * len(pictures)
    assert [each.status for each in found] == ["ok"] * len(pictures)
    assert [each.file for each in found] == [str(place) for place in range(len(pictures))]
    assert all(each.thumbnail is None for each in found)


def in_mnist_form():
    return normalise(draw(3)).image


def test_an_array_in_mnists_form_is_classified_as_it_is(network):
    (found,) = answer([in_mnist_form()], network, unsure_below=0.5)

    assert np.array_equal(found.image, in_mnist_form())


FORMS = {
    "black on white": lambda digit: 255 - digit,
    "floats to 1": lambda digit: digit / 255,
    "floats to 255": lambda digit: digit.astype(np.float32),
    "floats from -1 to 1": lambda digit: digit / 127.5 - 1,
    "black on white, floats": lambda digit: 1 - digit / 255,
    "with a channel": lambda digit: digit[..., None],
    "with a batch of one": lambda digit: digit[None, ..., None],
    "in a row": lambda digit: digit.ravel() / 255,
    "of 16 bits": lambda digit: digit.astype(np.uint16) * 257,
    "RGBA": lambda digit: np.dstack([np.zeros((28, 28, 3), np.uint8), digit]),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_array_in_another_form_is_read_as_the_same_digit(form, network):
    (found,) = answer([FORMS[form](in_mnist_form())], network, unsure_below=0.5)

    assert found.status == "ok"
    assert np.abs(found.image.astype(int) - in_mnist_form()).max() <= 2


def test_yes_and_no_are_ink_and_paper(network):
    for inked in (np.asarray(picture(1)) < 128, (np.asarray(picture(1)) < 128).astype(int)):
        (found,) = answer([inked], network, unsure_below=0.5)
        assert (found.digit, found.status) == (1, "ok")


def test_an_array_of_texts_is_as_many_pictures():
    assert unstack(np.array(["one", "two"])) == ["one", "two"]
    assert unstack(np.array([b"one", b"two"], object)) == [b"one", b"two"]


def test_a_small_drawing_is_no_digit_in_mnists_form(network):
    odd = np.zeros((28, 28), np.uint8)
    odd[3:9, 20:22] = 255

    (found,) = answer([odd], network, unsure_below=0.5)

    assert found.digit == 1
    assert found.image[6:22, 13:15].min() > 180


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no base64!", "is text, but not a picture in base64"),
        (b"no picture", "is not a picture in a known format"),
        (None, r"is an array of shape \(\)"),
        (np.full((9, 9), "a"), "is an array of <U1"),
        ([[0, 1], [2]], "is list, and its rows differ in length"),
        (np.zeros((9, 9, 5), np.uint8), r"shape \(9, 9, 5\)"),
        (np.zeros((0, 9), np.uint8), r"shape \(0, 9\)"),
        (np.zeros(783), r"shape \(783,\)"),
    ],
)
def test_anything_but_a_picture_is_an_error_of_its_own(network, content, message):
    broken, sound = answer([content, encoded(picture(1))], network, unsure_below=0.5)

    assert (broken.status, broken.digit) == ("error", None)
    assert re.search(message, broken.detail)
    assert "\n" not in broken.detail
    assert sound.digit == 1


def test_an_array_is_taken_apart_into_pictures():
    def shapes(array):
        return [np.shape(each) for each in unstack(array)]

    assert shapes(np.zeros((9, 8))) == [(9, 8)]
    assert shapes(np.zeros((9, 8, 3))) == [(9, 8, 3)]
    assert shapes(np.zeros((5, 9, 8))) == [(9, 8)] * 5
    assert shapes(np.zeros((5, 9, 8, 3))) == [(9, 8, 3)] * 5
    assert shapes(np.zeros((9, 8, 1))) == [(9, 8, 1)]
    assert shapes(np.zeros((5, 28, 28, 1))) == [(28, 28, 1)] * 5
    assert shapes(np.zeros((5, 784))) == [(5, 784)]
    assert shapes(np.stack([in_mnist_form().ravel() / 255] * 5)) == [(784,)] * 5
    assert shapes(np.zeros((0, 784))) == [(0, 784)]
    assert unstack(np.array([[b"a"], [b"b"]], object)) == [b"a", b"b"]


def test_a_picture_that_is_handed_over_is_looked_at_as_closely_as_a_file(tmp_path, network):
    page = Image.new("L", (600, 500), 235)
    ImageDraw.Draw(page).ellipse((90, 90, 120, 140), outline=20, width=4)  # small: a second look
    page.save(tmp_path / "x.jpg")
    content = (tmp_path / "x.jpg").read_bytes()
    predictions = answer([content, base64.b64encode(content).decode()], network, unsure_below=0.5)

    (from_file,) = recognise(
        [tmp_path / "x.jpg"], tmp_path, network, unsure_below=0.5, chunk_size=1
    )
    assert all(np.array_equal(each.image, from_file.image) for each in predictions)
