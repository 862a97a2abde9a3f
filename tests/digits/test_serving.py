"""Digits of pictures that a caller hands over, in whatever form."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw
from support.pictures import Ink, picture

from pipeline.digits.recognition.digit import recognise
from pipeline.digits.serving import answer, unstack


@pytest.fixture
def network():
    network = Ink()
    network.input_shape = 28, 28
    return network


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


def test_an_array_of_the_networks_own_size_is_classified_as_it_is(network):
    odd = np.zeros((28, 28), np.uint8)
    odd[3:9, 20:22] = 255

    (found,) = answer([odd], network, unsure_below=0.5)

    assert np.array_equal(found.image, odd)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no base64!", "is text, but not a picture in base64"),
        (b"no picture", "is not a picture in a known format"),
        (None, "is NoneType of object"),
        (np.zeros((9, 9), np.float32), "is ndarray of float32"),
        ([[0, 1], [2]], "is list"),
        (np.zeros((9, 9, 4), np.uint8), r"shape \(9, 9, 4\)"),
        (np.zeros((0, 9), np.uint8), r"shape \(0, 9\)"),
        (np.full((9, 9), 256), r"shape \(9, 9\) with other values"),
        (np.full((9, 9), -1), r"shape \(9, 9\) with other values"),
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
