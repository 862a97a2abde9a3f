"""A data set of the user's own labelled pictures."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.digits.preprocessing.decoding import read_picture
from pipeline.digits.preprocessing.finding import find_pictures
from pipeline.digits.preprocessing.labels import LABELS_NAME, read_labels
from pipeline.digits.preprocessing.normalise import decode_and_normalise
from pipeline.digits.preprocessing.streaming import in_chunks
from pipeline.digits.splits import DIGIT_NAMES, Dataset, Split, stratified_split
from pipeline.system.errors import InputError
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
    out blank are left out with a warning.

    Args:
        path: The folder that holds the ten folders, or pictures and labels.csv (file,label).
        test_share: Share of each digit's pictures set aside for testing; the same pictures each
            time.

    Raises:
        InputError: There is no such folder, a label is not a digit, a digit has no pictures to
            train on, or there are none to test on.
    """
    root = Path(path).expanduser()
    _, everything = read_labelled(root)
    train, test = _split(everything, test_share, root)
    log.info("%d labelled pictures found: files in %s", len(everything), root)
    return Dataset("folder", "a folder of labelled pictures", None, DIGIT_NAMES, train, test)


def read_labelled(root: Path) -> tuple[list[Path], Split]:
    """Read the labelled pictures below a folder; return their files and what a network sees.

    Pictures that have no label, cannot be read or turn out blank are left out with a warning.

    Raises:
        InputError: There is no such folder, it holds no pictures, or a label is not a digit.
    """
    labels = read_labels(root / LABELS_NAME)
    labelled = [(file, _label(file, root, labels)) for file in find_pictures(root)]
    known = [(file, label) for file, label in labelled if label is not None]
    _warn_left_out(len(labelled) - len(known), "without a label")
    pictures = _read_all([file for file, _ in known])
    kept = [
        (file, picture, label)
        for picture, (file, label) in zip(pictures, known, strict=True)
        if picture is not None
    ]
    _warn_left_out(len(known) - len(kept), "blank or not readable; predict-custom says why")
    files, images, digits = zip(*kept, strict=True) if kept else ((), (), ())
    return list(files), Split(np.array(images, np.uint8), np.array(digits, np.uint8))


def _label(file: Path, root: Path, labels: dict[str, str]) -> int | None:
    """Return a picture's label from labels.csv, else from the name of its folder."""
    name = file.relative_to(root).as_posix()
    label = labels.get(name)
    if label is None:
        parent = file.parent.name
        return int(parent) if parent in DIGIT_NAMES and file.parent != root else None
    if label not in DIGIT_NAMES:
        raise InputError(f"{root / LABELS_NAME}: {name} has the label {label!r}; 0 to 9 are known")
    return int(label)


def _read_all(files: Sequence[Path]) -> list[NDArray[np.uint8] | None]:
    chunks = in_chunks(_read_one, files, CHUNK_SIZE, by_processes=True)
    return list(track((image for chunk in chunks for image in chunk), len(files), "picture"))


def _read_one(file: Path) -> NDArray[np.uint8] | None:
    """Return a picture in MNIST's form, uint8 (28, 28); None if it is blank or cannot be read."""
    try:
        image = decode_and_normalise(partial(read_picture, file))[1].image
    except Exception:  # one picture must not stop all the others, not even out of memory
        return None
    return image if image.any() else None


def _warn_left_out(count: int, why: str) -> None:
    if count:
        log.warning("pictures left out: %d, %s", count, why)


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
