"""Read digits from pictures handed over by a caller: as bytes, as base64 text or as arrays."""

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


def answer(
    pictures: Sequence[object], classifier: Classifier, *, unsure_below: float
) -> list[Prediction]:
    """Read one digit from each picture, in order; what is no picture gets the status "error".

    Args:
        pictures: Each one the content of a picture file (bytes, or base64 text as JSON carries it),
            or integers 0..255, (h, w) grey or (h, w, 3) RGB. An array of the network's own input
            size, such as 28 x 28, is classified as it is; anything else is normalised first.
        classifier: What tells digits apart.
        unsure_below: Confidence, 0..1, below which an answer counts as "unsure".
    """
    work = partial(_prepare, input_shape=classifier.input_shape)
    return [
        prediction
        for inputs in in_chunks(work, list(enumerate(pictures)), CHUNK_SIZE)
        for prediction in classify(inputs, classifier, unsure_below)
    ]


def unstack(array: NDArray[np.generic]) -> list[object]:
    """Take an array apart into pictures: it is one, (h, w) or (h, w, 3), or a stack of them."""
    if array.dtype == object:
        return list(array.ravel())
    return [array] if _is_picture_shape(array) else list(array)


def _is_picture_shape(array: NDArray[Any]) -> bool:
    return array.ndim == 2 or (array.ndim == 3 and array.shape[-1] == 3)


def _prepare(numbered: tuple[int, object], input_shape: tuple[int, int]) -> NetworkInput:
    number, given = numbered
    name = str(number)
    if isinstance(given, bytes | bytearray | memoryview):
        return prepare(name, partial(decode, bytes(given)), thumbnail=False)
    if isinstance(given, str):
        return prepare(name, lambda enough: decode(_from_base64(given), enough), thumbnail=False)
    try:
        pixels = _pixels(given)
    except PictureError as error:
        return NetworkInput(name, doubt=str(error))
    if pixels.shape == input_shape:
        return NetworkInput(name, pixels)
    return prepare(name, lambda _: Picture(pixels, pixels.shape[1::-1]), thumbnail=False)


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PictureError("is text that is no picture in base64") from error


def _pixels(given: object) -> Pixels:
    wanted = "a picture is bytes, or whole numbers 0..255 of shape (h, w) or (h, w, 3)"
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise PictureError(f"is {type(given).__name__}; {wanted}") from error
    if array.dtype.kind not in "ui":
        raise PictureError(f"is {type(given).__name__} of {array.dtype}; {wanted}")
    if not _is_picture_shape(array) or not array.size or array.min() < 0 or array.max() > 255:
        raise PictureError(f"is an array of shape {array.shape} with other values; {wanted}")
    return np.ascontiguousarray(array, np.uint8)
