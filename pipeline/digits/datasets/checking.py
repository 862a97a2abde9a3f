"""Refuse data that would make results wrong."""

import numpy as np

from pipeline.digits.splits import Dataset, Split
from pipeline.system.errors import InputError


def check_dataset(dataset: object) -> Dataset:
    """Return a data set if it can be trained and tested on.

    Raises:
        InputError: It is no `Dataset`; its pictures or labels have another shape or type than
            `Split` says; a label is no class; there are fewer than two classes; a class has no
            picture to train on, or none has one to test on; or all pictures are blank.
    """
    if not isinstance(dataset, Dataset):
        raise InputError(
            f"data._target_: gives a {type(dataset).__name__}; it must give a Dataset, as the "
            "functions in pipeline/digits/datasets/ do"
        )
    classes = len(dataset.class_names)
    if classes < 2:
        raise InputError(f"{dataset.source}: at least two classes are needed, not {classes}")
    for name, split in (("training", dataset.train), ("test", dataset.test)):
        if problem := _problem(split, classes):
            raise InputError(f"{dataset.source}: the {name} part {problem}; mend it")
    if dataset.train.images.shape[1:] != dataset.test.images.shape[1:]:
        raise InputError(
            f"{dataset.source}: pictures to train on are {_size(dataset.train)} pixels, those to "
            f"test on {_size(dataset.test)}; they must be alike"
        )
    untaught = sorted(set(range(classes)) - set(dataset.train.labels.tolist()))
    if untaught:
        names = ", ".join(dataset.class_names[label] for label in untaught)
        raise InputError(f"{dataset.source}: has no picture of {names} to train on; add some")
    return dataset


def _problem(split: Split, classes: int) -> str | None:
    """Return what is wrong with a part of a data set, in words; None if nothing is."""
    images, labels = split.images, split.labels
    if images.dtype != np.uint8 or images.ndim != 3:
        return f"has pictures of {images.dtype} {images.shape}; uint8 (n, height, width) is needed"
    if labels.dtype != np.uint8 or labels.ndim != 1:
        return f"has labels of {labels.dtype} {labels.shape}; uint8 (n,) is needed"
    if len(images) != len(labels):
        return f"has {len(images)} pictures and {len(labels)} labels"
    if not len(images):
        return "holds no picture"
    wrong = np.flatnonzero(labels >= classes)
    if len(wrong):
        return (
            f"has {len(wrong)} labels that are no class, such as {labels[wrong[0]]} of picture "
            f"{wrong[0]}; there are the classes 0 to {classes - 1}"
        )
    return None if images.any() else "holds only blank pictures"


def _size(split: Split) -> str:
    height, width = split.images.shape[1:]
    return f"{width} × {height}"
