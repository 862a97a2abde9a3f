"""Labelled pictures are split, identified and kept."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from pipeline.digits import splits
from pipeline.digits.splits import Split, load_split, save_split
from pipeline.system import files
from pipeline.system.errors import InputError


def test_the_split_is_stratified_complete_and_seeded(digits_like):
    def split(seed):
        return splits.stratified_split(digits_like, 0.1, np.random.default_rng(seed))

    train, validation = split(0)
    assert splits.class_counts(validation, 10) == [2] * 10
    together = np.concatenate([train.images, validation.images])
    assert {image.tobytes() for image in together} == {i.tobytes() for i in digits_like.images}
    assert np.array_equal(split(0)[1].images, validation.images)
    assert not np.array_equal(split(1)[1].images, validation.images)


def test_the_parts_add_up_to_the_size_asked_for():
    labels = np.repeat(np.arange(10, dtype=np.uint8), [97, 113, 99, 102, 97, 90, 99, 104, 97, 99])
    split = Split(np.zeros((len(labels), 2, 2), np.uint8), labels)
    _, validation = splits.stratified_split(split, 83 / len(split), np.random.default_rng(0))
    assert len(validation) == 83


def test_a_small_data_set_keeps_eight_ninths_for_training(digits_like):
    assert splits.validation_share(5000, len(digits_like)) == pytest.approx(1 / 9)
    assert splits.validation_share(20, len(digits_like)) == pytest.approx(0.1)


def test_the_digest_sees_every_pixel_and_label(digits_like):
    other_pixel = digits_like.images.copy()
    other_pixel[7, 3, 3] ^= 1
    other_label = digits_like.labels.copy()
    other_label[5] = (other_label[5] + 1) % 10
    digests = {
        splits.digest([digits_like]),
        splits.digest([Split(other_pixel, digits_like.labels)]),
        splits.digest([Split(digits_like.images, other_label)]),
    }
    assert len(digests) == 3


def test_a_saved_split_comes_back_and_is_the_same_bytes(tmp_path, digits_like):
    for name in ("one.npz", "two.npz"):
        splits.save_split(digits_like, tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    loaded = splits.load_split(tmp_path / "one.npz")
    assert np.array_equal(loaded.images, digits_like.images)
    assert np.array_equal(loaded.labels, digits_like.labels)


def test_a_missing_split_names_the_stage_to_run(tmp_path):
    with pytest.raises(InputError, match="dvc repro prepare"):
        splits.load_split(tmp_path / "train.npz")


def test_a_broken_split_says_what_to_do(tmp_path):
    path = tmp_path / "train.npz"
    path.write_bytes(b"PK no archive")
    with pytest.raises(InputError, match=r"not a readable \.npz file .*; run `dvc repro prepare`"):
        splits.load_split(path)
    np.savez(path, images=np.zeros((1, 2, 2), np.uint8))
    with pytest.raises(InputError, match=r"array 'labels' is missing; run `dvc repro -f prepare`"):
        splits.load_split(path)


def test_no_pickle_in_a_file_of_arrays_is_run(tmp_path):
    mark = tmp_path / "mark"

    class Harm:
        def __reduce__(self):
            return Path.touch, (mark,)

    file = tmp_path / "split.npz"
    np.savez(file, images=np.array([Harm()], object), labels=np.zeros(1, np.uint8))
    with pytest.raises(InputError, match="not a readable"):
        load_split(file)
    file.write_bytes(pickle.dumps(Harm()))
    with pytest.raises(InputError, match="not a readable"):
        load_split(file)
    assert not mark.exists()


def test_arrays_that_would_fill_the_memory_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_UNPACKED", 1_000_000)
    file = tmp_path / "split.npz"
    np.savez_compressed(file, images=np.zeros((2000, 28, 28), np.uint8), labels=np.zeros(2000))
    with pytest.raises(InputError, match=r"would unpack to 1,584,\d+ bytes"):
        load_split(file)
    save_split(Split(np.zeros((2000, 28, 28), np.uint8), np.zeros(2000, np.uint8)), file)
    assert len(load_split(file)) == 2000
