"""Read digits from pictures that a caller passes as bytes, as base64 text or as arrays."""

import base64
import binascii
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.preprocessing.decoding import Picture, PictureError, decode
from pipeline.digits.preprocessing.streaming import in_chunks
from pipeline.digits.recognition.digit import NetworkInput, Prediction, classify, prepare
from pipeline.system.arrays import Pixels

CHUNK_SIZE = 256  # pictures
ALTERNATIVES = 3


def answer(
    pictures: Sequence[object], classifier: Classifier, *, unsure_below: float
) -> list[Prediction]:
    """Read one digit from each picture, in order; anything else gets the status "error".

    Args:
        pictures: Each one the content of a picture file (bytes, or base64 text as in JSON), or
            integers 0..255, (h, w) grey or (h, w, 3) RGB. An array of the network's own input size,
            such as 28 x 28, is classified as it is; anything else is normalised first.
        classifier: The network that classifies the digits.
        unsure_below: Confidence, 0..1, below which an answer counts as "unsure".
    """
    work = partial(_prepare, input_shape=classifier.input_shape)
    return [
        prediction
        for inputs in in_chunks(work, list(enumerate(pictures)), CHUNK_SIZE)
        for prediction in classify(inputs, classifier, unsure_below)
    ]


def alternatives(prediction: Prediction) -> list[dict[str, float]]:
    """Return the next likeliest digits with their confidence, the likeliest first."""
    if prediction.probabilities is None:
        return []
    likeliest_first = np.argsort(-prediction.probabilities, kind="stable")
    return [
        {"digit": int(digit), "confidence": float(prediction.probabilities[digit])}
        for digit in likeliest_first[1 : 1 + ALTERNATIVES]
    ]


def unstack(array: NDArray[np.generic]) -> list[object]:
    """Split an array into pictures: it holds one, (h, w) or (h, w, 3), or a stack of them."""
    if array.dtype == object:
        return list(array.ravel())
    return [array] if _is_picture_shape(array) else list(array)


def _is_picture_shape(array: NDArray[Any]) -> bool:
    return array.ndim == 2 or (array.ndim == 3 and array.shape[-1] == 3)


def _prepare(numbered: tuple[int, object], input_shape: tuple[int, int]) -> NetworkInput:
    number, picture = numbered
    name = str(number)
    if isinstance(picture, bytes | bytearray | memoryview):
        return prepare(name, partial(decode, bytes(picture)), thumbnail=False)
    if isinstance(picture, str):
        return prepare(name, lambda side: decode(_from_base64(picture), side), thumbnail=False)
    try:
        pixels = _pixels(picture)
    except PictureError as error:
        return NetworkInput(name, doubt=str(error))
    if pixels.shape == input_shape:
        return NetworkInput(name, pixels)
    return prepare(name, lambda _: Picture(pixels, pixels.shape[1::-1]), thumbnail=False)


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PictureError("is text, but not a picture in base64") from error


def _pixels(picture: object) -> Pixels:
    expected = "a picture is bytes, or whole numbers 0..255 of shape (h, w) or (h, w, 3)"
    try:
        array = np.asarray(picture)
    except ValueError as error:
        raise PictureError(f"is {type(picture).__name__}; {expected}") from error
    if array.dtype.kind not in "ui":
        raise PictureError(f"is {type(picture).__name__} of {array.dtype}; {expected}")
    if not _is_picture_shape(array) or not array.size or array.min() < 0 or array.max() > 255:
        raise PictureError(f"is an array of shape {array.shape} with other values; {expected}")
    return np.ascontiguousarray(array, np.uint8)
