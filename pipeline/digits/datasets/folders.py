"""A data set of the user's own labelled pictures."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from pipeline.digits.preprocessing.decoding import read_picture
from pipeline.digits.preprocessing.finding import find_pictures, name_below
from pipeline.digits.preprocessing.labels import LABELS_NAME, read_labels
from pipeline.digits.preprocessing.normalise import decode_and_normalise
from pipeline.digits.preprocessing.streaming import in_chunks
from pipeline.digits.splits import DIGIT_NAMES, Dataset, Split, stratified_split
from pipeline.system.arrays import Pixels
from pipeline.system.errors import InputError, in_one_line
from pipeline.system.files import typed_path
from pipeline.system.progress import track

log = logging.getLogger(__name__)

CHUNK_SIZE = 256  # pictures
SPLIT_SEED = 0  # the test set must not change from run to run


def folder(
    *,
    path: Annotated[str, Field(min_length=1)],
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2,
) -> Dataset:
    """Load pictures of digits in folders named 0 to 9, or labelled by a labels.csv.

    They are normalised as in predict-custom. Pictures that have no label, cannot be read or turn
    out blank are left out with a warning, and listed in the data set.

    Args:
        path: The folder that holds the ten folders, or pictures and labels.csv (file,label).
        test_share: Share of each digit's pictures set aside for testing; the same pictures each
            time.

    Raises:
        InputError: There is no such folder, a label is not a digit, a digit has no pictures to
            train on, or there are none to test on.
    """
    root = typed_path(path)
    everything, left_out = read_labelled(root)
    train, test = _split(everything, test_share, root)
    log.info("%d labelled pictures found: files in %s", len(everything), root)
    source = "a folder of labelled pictures"
    return Dataset("folder", source, None, DIGIT_NAMES, train, test, left_out)


def read_labelled(root: Path) -> tuple[Split, tuple[tuple[str, str], ...]]:
    """Read the labelled pictures below a folder, as a network sees them.

    Returns:
        The pictures with their files' names; and which files were left out with a warning, and why:
        no label, not readable, blank.

    Raises:
        InputError: There is no such folder, it holds no pictures, or a label is not a digit.
    """
    labels = read_labels(root / LABELS_NAME)
    found = {name_below(root, file): file for file in find_pictures(root)}
    _warn("rows that name a missing picture", LABELS_NAME, sorted(labels.keys() - found.keys()))
    labelled = {name: _label(name, file, root, labels) for name, file in found.items()}
    known = [name for name, label in labelled.items() if label is not None]
    unlabelled = dict.fromkeys(found.keys() - known, "has no label")
    _warn("without a label", "pictures left out", sorted(unlabelled))
    pictures = dict(zip(known, _read_all([found[name] for name in known]), strict=True))
    unread = {name: reason for name, reason in pictures.items() if isinstance(reason, str)}
    _warn("blank or not readable", "pictures left out", sorted(unread))
    kept = [(name, p, labelled[name]) for name, p in pictures.items() if name not in unread]
    names, images, digits = zip(*kept, strict=True) if kept else ((), (), ())
    read = Split(np.array(images, np.uint8), np.array(digits, np.uint8), np.array(names, str))
    return read, tuple(sorted((unlabelled | unread).items()))


def _label(name: str, file: Path, root: Path, labels: dict[str, str]) -> int | None:
    """Return a picture's label from labels.csv, else from the name of its folder."""
    label = labels.get(name)
    if label is None:
        parent = file.parent.name
        return int(parent) if parent in DIGIT_NAMES and file.parent != root else None
    if label not in DIGIT_NAMES:
        raise InputError(f"{root / LABELS_NAME}: {name} has the label {label!r}; 0 to 9 are known")
    return int(label)


def _read_all(files: Sequence[Path]) -> list[Pixels | str]:
    chunks = in_chunks(_read_one, files, CHUNK_SIZE, by_processes=True)
    return list(track((image for chunk in chunks for image in chunk), len(files), "picture"))


def _read_one(file: Path) -> Pixels | str:
    """Return a picture in MNIST's form, uint8 (28, 28), or why it cannot be used."""
    try:
        image = decode_and_normalise(partial(read_picture, file))[1][0].image
    except Exception as error:  # one picture must not stop all the others, not even out of memory
        return in_one_line(error, 120) or type(error).__name__
    return image if image.any() else "is blank"


def _warn(what: str, where: str, names: Sequence[str]) -> None:
    if names:
        log.warning("%s: %d, %s, such as %s", where, len(names), what, in_one_line(names[0]))


def _split(everything: Split, test_share: float, root: Path) -> tuple[Split, Split]:
    train, test = stratified_split(everything, test_share, np.random.default_rng(SPLIT_SEED))
    missing = sorted(set(range(len(DIGIT_NAMES))) - set(train.labels.tolist()))
    if missing or not len(test):
        lacks = f"no {', '.join(map(str, missing))} to train on" if missing else "none to test on"
        raise InputError(
            f"{root}: {lacks} among the readable pictures with a label ({len(everything)}); more "
            "of every digit are needed, in folders named 0 to 9 or listed in labels.csv"
        )
    return train, test
