"""Fashion-MNIST: pictures of clothes in MNIST's format."""

import logging
from pathlib import Path

from pipeline.digits.datasets.files import (
    KERAS_DATASETS_URL,
    NPZ_NAMES,
    download,
    keras_cache,
    read_idx_files,
)
from pipeline.digits.splits import Dataset, Split, class_counts
from pipeline.system.errors import InputError, in_one_line
from pipeline.system.files import typed_path

log = logging.getLogger(__name__)

FASHION_CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


def fashion_mnist(*, path: str | None = None) -> Dataset:
    """Load Fashion-MNIST from `path`, else Keras's cache, else Keras's download address.

    H. Xiao, K. Rasul & R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms", 2017.

    Args:
        path: A folder with the four IDX files, gzipped or not.

    Raises:
        InputError: The files are missing or broken, do not hold 6,000 pictures of each class for
            training and 1,000 for testing, or cannot be downloaded.
    """
    folder = typed_path(path) if path else keras_cache() / "fashion-mnist"
    if not path:
        _fetch_fashion_mnist(folder)
    arrays = read_idx_files(folder)
    train = Split(arrays["train-images"], arrays["train-labels"])
    test = Split(arrays["t10k-images"], arrays["t10k-labels"])
    for split, per_class in ((train, 6000), (test, 1000)):
        shape = (per_class * len(FASHION_CLASSES), 28, 28)
        counts = class_counts(split, len(FASHION_CLASSES))
        if split.images.shape != shape or set(counts) != {per_class}:
            raise InputError(f"{folder}: is not Fashion-MNIST (its shapes differ); fetch it again")
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
