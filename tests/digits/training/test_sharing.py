"""Pictures that trainings share are the same, made or read."""

import itertools

import numpy as np
import pytest

from pipeline.digits.splits import Split
from pipeline.digits.training import epochs, sharing
from pipeline.digits.training.augmentation import Distortion
from pipeline.digits.training.epochs import pictures_of_epoch
from pipeline.digits.training.plan import TrainingPlan
from pipeline.digits.training.sharing import SharedPictures

RNG = np.random.default_rng(1)
TRAIN = Split(RNG.integers(0, 256, (40, 28, 28), np.uint8), RNG.integers(0, 10, 40, np.uint8))


def plan(**changes):
    given = {"epochs": 3, "batch_size": 10, "seed": 5, "distortion": Distortion(rotation=10)}
    return TrainingPlan(**{**given, "drawn_share": 0.2, "other_share": 0.1, **changes})


@pytest.fixture
def shared(tmp_path):
    return SharedPictures(tmp_path, "d" * 64)


@pytest.fixture
def made(monkeypatch):
    """Return the numbers of the epochs whose pictures are made."""
    numbers, make = [], epochs.epoch_pictures
    monkeypatch.setattr(
        epochs,
        "epoch_pictures",
        lambda *given: (numbers.append(given[3]), make(*given))[1],
    )
    return numbers


def same(one, other):
    return np.array_equal(one.images, other.images) and np.array_equal(one.labels, other.labels)


def test_what_is_read_is_what_would_be_made_and_is_made_once(shared, made):
    alone = pictures_of_epoch(TRAIN, plan())
    expected = [alone(number) for number in (1, 2)]
    made.clear()
    for _ in range(3):
        make = pictures_of_epoch(TRAIN, plan(), shared)
        assert all(same(make(number), expected[number - 1]) for number in (1, 2))
    assert made == [1, 2]


def test_longer_trainings_read_what_shorter_ones_made(shared, made, monkeypatch):
    monkeypatch.setattr(epochs, "MOST_DRAWINGS", 4)
    pictures_of_epoch(TRAIN, plan(epochs=2), shared)(1)
    pictures_of_epoch(TRAIN, plan(epochs=9), shared)(1)
    assert made == [1]


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 6}, {"distortion": Distortion(rotation=11)}, {"drawn_share": 0.3},
        {"other_share": 0.0}, {"epochs": 2},
    ],
    ids=str,
)  # fmt: skip
def test_other_pictures_are_not_taken_for_these(shared, change):
    first = pictures_of_epoch(TRAIN, plan(), shared)(1)
    other = pictures_of_epoch(TRAIN, plan(**change), shared)(1)
    assert same(other, pictures_of_epoch(TRAIN, plan(**change))(1))
    assert not same(other, first)


def test_other_data_is_not_taken_for_these(shared, made):
    pictures_of_epoch(TRAIN, plan(), shared)(1)
    pictures_of_epoch(TRAIN, plan(), SharedPictures(shared.folder, "e" * 64))(1)
    assert made == [1, 1]


def test_pictures_that_are_only_shuffled_are_not_written(shared):
    pictures_of_epoch(TRAIN, plan(distortion=None, drawn_share=0, other_share=0), shared)(1)
    assert list(shared.folder.iterdir()) == []


def test_a_damaged_file_is_made_again(shared, made):
    pictures_of_epoch(TRAIN, plan(), shared)(1)
    (file,) = shared.folder.glob("*/*.npz")
    file.write_bytes(b"junk")
    pictures_of_epoch(TRAIN, plan(), shared)(1)
    pictures_of_epoch(TRAIN, plan(), shared)(1)
    assert made == [1, 1]


def test_what_has_no_room_goes_and_the_oldest_of_others_first(shared, monkeypatch):
    each = 40 * 28 * 28
    monkeypatch.setattr(sharing, "MOST_BYTES", 3 * each)
    first = pictures_of_epoch(TRAIN, plan(seed=1), shared)
    for number in (1, 2, 3):
        first(number)
    kept = [*shared.folder.glob("*/*.npz")]
    assert {file.name for file in kept} == {"1.npz", "2.npz"}, "with headers, two have room"
    pictures_of_epoch(TRAIN, plan(seed=2), shared)(1)
    assert [file.parent for file in shared.folder.glob("*/*.npz")] != [file.parent for file in kept]
    assert len({*itertools.chain(shared.folder.glob("*/*.npz"))}) == 1


def test_a_folder_that_another_trial_removes_meanwhile_costs_no_training(shared, made):
    gone = shared.folder / "other" / "1.npz"
    gone.parent.mkdir(parents=True)
    gone.symlink_to("nowhere")  # listed, but not there any more
    assert len(pictures_of_epoch(TRAIN, plan(), shared)(1)) > 0
    assert made == [1]
