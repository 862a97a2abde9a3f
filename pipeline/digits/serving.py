"""Read digits from pictures that a caller passes as bytes, as base64 text or as arrays."""

import base64
import binascii
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.preprocessing.decoding import Picture, PictureError, decode, from_array
from pipeline.digits.preprocessing.form import is_mnist_form
from pipeline.digits.preprocessing.streaming import in_chunks
from pipeline.digits.recognition.digit import NetworkInput, Prediction, classify, prepare
from pipeline.digits.splits import SIDE

CHUNK_SIZE = 256  # pictures
ALTERNATIVES = 3


def answer(
    pictures: Sequence[object], classifier: Classifier, *, unsure_below: float
) -> list[Prediction]:
    """Read one digit from each picture, in order; anything else gets the status "error".

    Args:
        pictures: Each one the content of a picture file (bytes, or base64 text as in JSON), or
            an array; `decoding.from_array` says of which types and shapes. An array in MNIST's
            form is classified as it is; any other is read as a picture.
        classifier: The network that classifies the digits.
        unsure_below: Confidence, 0..1, below which an answer counts as "unsure".
    """
    return [
        prediction
        for inputs in in_chunks(_prepare, list(enumerate(pictures)), CHUNK_SIZE)
        for prediction in classify(inputs, classifier, unsure_below)
    ]


def as_row(prediction: Prediction) -> dict[str, Any]:
    """Return what a caller is told: the answer, and the next likeliest digits in their order."""
    return {
        "digit": prediction.digit,
        "confidence": prediction.confidence,
        "alternatives": _alternatives(prediction),
        "status": prediction.status,
        "detail": prediction.detail,
    }


def _alternatives(prediction: Prediction) -> list[dict[str, float]]:
    if prediction.probabilities is None:
        return []
    likeliest_first = np.argsort(-prediction.probabilities, kind="stable")
    return [
        {"digit": int(digit), "confidence": float(prediction.probabilities[digit])}
        for digit in likeliest_first[1 : 1 + ALTERNATIVES]
    ]


def unstack(array: NDArray[Any]) -> list[object]:
    """Split an array into pictures: it holds one, or a stack of them, or one in each row."""
    if array.dtype.kind not in "buif":  # texts, bytes, objects
        return list(array.ravel())
    if array.ndim == 2 and _has_digits_as_rows(array):
        return list(array)
    single = array.ndim < 3 or (array.ndim == 3 and array.shape[-1] in (1, 3, 4))
    return [array] if single else list(array)


def _has_digits_as_rows(array: NDArray[Any]) -> bool:
    """Return whether most rows are flattened digits in MNIST's form; else it is one picture."""
    if not len(array) or array.shape[1] != SIDE**2 or array.dtype.kind not in "buif":
        return False
    return bool(np.mean([is_mnist_form(from_array(row)) for row in array]) > 0.5)


def _prepare(numbered: tuple[int, object]) -> NetworkInput:
    number, picture = numbered
    name = str(number)
    if isinstance(picture, bytes | bytearray | memoryview):
        return prepare(name, partial(decode, bytes(picture)), thumbnail=False)
    if isinstance(picture, str):
        return prepare(name, lambda side: decode(_from_base64(picture), side), thumbnail=False)
    return prepare(name, lambda _: _from_anything(picture), thumbnail=False)


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PictureError("is text, but not a picture in base64") from error


def _from_anything(picture: object) -> Picture:
    try:
        array = np.asarray(picture)
    except ValueError as error:
        raise PictureError(f"is {type(picture).__name__}, and its rows differ in length") from error
    pixels = from_array(array)
    return Picture(pixels, pixels.shape[1::-1])
