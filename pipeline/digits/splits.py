"""Labelled pictures: split them, identify them by content, save and load them.

Pictures are uint8 (n, height, width), 0..255, light strokes on a dark background.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.system.arrays import Pixels
from pipeline.system.errors import InputError, in_one_line
from pipeline.system.files import refuse_bomb, replace_when_written

DIGIT_NAMES = tuple("0123456789")
SIDE = 28  # of a picture in MNIST's form, in pixels
BOX = 20  # longer side of its digit, in pixels
LARGEST_VALIDATION_SHARE = 1 / 9  # of the pictures to train on


@dataclass(frozen=True)
class Split:
    """Labelled pictures.

    Attributes:
        images: uint8 (n, height, width).
        labels: uint8 (n,), or (n, labels) where each picture has several.
        files: The name (n,) of each picture's file, if each has one. It is not saved.
    """

    images: Pixels
    labels: NDArray[np.uint8]
    files: NDArray[np.str_] | None = None

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.labels)

    def take(self, rows: NDArray[np.integer]) -> "Split":
        """Return the pictures at these rows, in this order."""
        files = None if self.files is None else self.files[rows]
        return Split(self.images[rows], self.labels[rows], files)


@dataclass(frozen=True)
class Dataset:
    """A training set and a test set, which training never sees.

    Attributes:
        name: Such as "mnist".
        source: Where the data comes from, in words that do not depend on the files' location.
        note: A warning to show with everything made from the data, or None.
        class_names: The name of each class, by label.
        left_out: Files that were not taken, each with the reason.
    """

    name: str
    source: str
    note: str | None
    class_names: tuple[str, ...]
    train: Split
    test: Split
    left_out: tuple[tuple[str, str], ...] = ()


def validation_share(size: int, pictures: int) -> float:
    """Return `size` as a share of the pictures, at most a ninth.

    The limit leaves enough of a small data set to train on.
    """
    return min(size / pictures, LARGEST_VALIDATION_SHARE)


def stratified_split(split: Split, share: float, rng: np.random.Generator) -> tuple[Split, Split]:
    """Set aside a share of each class, for validation or for testing.

    Returns:
        The rest, and what was set aside, both in their original order.
    """
    classes = rows_by_class(split.labels)
    # Rounding the running total instead of each class makes the parts add up to the wanted size.
    totals = np.rint(share * np.cumsum([len(rows) for rows in classes])).astype(int)
    is_aside = np.zeros(len(split), bool)
    for rows, aside in zip(classes, np.diff(totals, prepend=0), strict=True):
        is_aside[rng.permutation(rows)[:aside]] = True
    return split.take(np.flatnonzero(~is_aside)), split.take(np.flatnonzero(is_aside))


def class_counts(split: Split, classes: int) -> list[int]:
    """Count the pictures of each class."""
    return [int(count) for count in np.bincount(split.labels, minlength=classes)]


def digest(splits: list[Split]) -> str:
    """Return the SHA-256 of all shapes, pixels and labels, in order, in hexadecimal."""
    summary = hashlib.sha256()
    for split in splits:
        for array in (split.images, split.labels):
            summary.update(repr(array.shape).encode())
            summary.update(np.ascontiguousarray(array).data)
    return summary.hexdigest()


def save_split(split: Split, path: Path) -> None:
    """Save a split as an ``.npz`` file; the same split always gives the same bytes."""
    with replace_when_written(path) as temporary, temporary.open("wb") as file:
        np.savez(file, images=split.images, labels=split.labels)


def load_split(path: Path) -> Split:
    """Load a split that `save_split` saved.

    Raises:
        InputError: The file is missing or broken.
    """
    arrays = load_arrays(path, "run `dvc repro prepare` first")
    try:
        return Split(arrays["images"], arrays["labels"])
    except KeyError as error:
        raise InputError(f"{path}: array {error} is missing; run `dvc repro -f prepare`") from error


def rows_by_class(labels: Pixels) -> list[NDArray[np.int64]]:
    """Return the rows of each class that occurs, in the order of the labels."""
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


def load_arrays(path: Path, remedy: str) -> dict[str, Pixels]:
    """Load all arrays of an ``.npz`` file.

    Args:
        path: The file.
        remedy: What to do if it is missing or broken; the end of the error's message.

    Raises:
        InputError: It is missing or broken.
    """
    try:
        refuse_bomb(path)
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; {remedy}") from error
    except Exception as error:  # NumPy and zipfile raise all kinds on broken archives
        reason = in_one_line(error)
        raise InputError(f"{path}: not a readable .npz file ({reason}); {remedy}") from error
