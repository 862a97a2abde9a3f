"""Distortions stay within their ranges, within their own picture, and follow their seed."""

import os
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from support.kept import assert_as_kept

from pipeline.config.places import ROOT
from pipeline.digits.training import augmentation
from pipeline.digits.training.augmentation import (
    STRIP_ROWS,
    Distortion,
    _bells,
    _displacements,
    distort,
)
from pipeline.digits.training.drawing.handwriting import draw_digits

AMOUNTS = [field.name for field in fields(Distortion) if field.name != "share"]
STILL = Distortion()
MIXED = Distortion(share=0.8, **dict.fromkeys(AMOUNTS, 0.3))


def bars(count: int, height: int = 28, width: int = 28) -> np.ndarray:
    """Make pictures with an upright bar in the middle, its ink away from the edges."""
    images = np.zeros((count, height, width), np.uint8)
    images[:, height // 4 : -(height // 4), width // 2 - 2 : width // 2 + 2] = 200
    return images


def distorted(count: int = 300, seed: int = 0, **amounts: float) -> np.ndarray:
    return distort(bars(count), replace(STILL, **amounts), np.random.default_rng(seed))


def centres(images: np.ndarray) -> np.ndarray:
    """Return the centre of mass of each picture: (n, 2), row and column."""
    places = np.moveaxis(np.indices(images.shape[1:]), 0, -1)
    ink = images[..., None].astype(float)
    return (ink * places).sum((1, 2)) / ink.sum((1, 2))


def test_same_generator_gives_the_same_pictures():
    images = bars(50)
    first = distort(images, MIXED, np.random.default_rng(7))
    assert np.array_equal(first, distort(images, MIXED, np.random.default_rng(7)))
    assert not np.array_equal(first, distort(images, MIXED, np.random.default_rng(8)))


def test_the_pictures_given_stay_as_they_are():
    images = bars(20)
    distort(images, MIXED, np.random.default_rng(0))
    assert np.array_equal(images, bars(20))


@pytest.mark.parametrize("shape", [(0, 28, 28), (1, 28, 28), (7, 16, 16), (5, 20, 32), (3, 64, 40)])
def test_any_size_and_number(shape):
    images = bars(*shape)
    result = distort(images, MIXED, np.random.default_rng(0))
    assert result.shape == shape
    assert result.dtype == np.uint8


def test_nothing_to_do_changes_nothing():
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28), np.uint8)
    assert np.array_equal(distort(images, STILL, np.random.default_rng(0)), images)
    spared = replace(MIXED, share=0.0)
    assert np.array_equal(distort(images, spared, np.random.default_rng(0)), images)


def test_share_of_the_pictures():
    images = bars(1000)
    result = distort(images, replace(MIXED, share=0.3), np.random.default_rng(0))
    changed = (result != images).any(axis=(1, 2)).mean()
    assert 0.25 < changed < 0.35


@pytest.mark.parametrize("amount", [each for each in AMOUNTS if each not in {"erase", "disturbed"}])
def test_every_amount_distorts(amount):
    result = distorted(**{amount: 0.5})
    assert (result != bars(300)).any(axis=(1, 2)).mean() > 0.9


def test_pictures_beyond_one_strip_are_distorted_each_in_its_own_way():
    count = STRIP_ROWS // 28 + 100
    result = distorted(count, shift=3.0, rotation=20.0)
    assert len(np.unique(result.reshape(count, -1), axis=0)) > 0.98 * count


def test_no_ink_crosses_into_the_neighbour():
    images = bars(200)
    images[::2] = 0
    strong = replace(STILL, shift=14.0, rotation=90.0, elastic=3.0, thickness=1.0)
    assert not distort(images, strong, np.random.default_rng(0))[::2].any()


def test_shift_is_within_its_range_and_even():
    moved = centres(distorted(2000, shift=3.0)) - centres(bars(1))
    assert np.abs(moved).max() < 3.05
    assert np.abs(moved).max() > 2.8
    assert np.abs(moved.mean(0)).max() < 0.15


def test_turn_is_within_its_range():
    images = distorted(2000, rotation=30.0)
    rows, columns = np.indices((28, 28)) - 13.5
    ink = images.astype(float)
    slope = (ink * rows * columns).sum((1, 2)) / (ink * rows**2).sum((1, 2))
    degrees = np.rad2deg(np.arctan(slope))
    assert 24 < np.abs(degrees).max() < 31
    assert abs(degrees.mean()) < 2


def test_scale_makes_larger_and_smaller():
    ink = distorted(2000, scale=0.25).sum((1, 2)) / bars(1).sum()
    assert 1.25**-2 * 0.9 < ink.min() < 0.75
    assert 1.35 < ink.max() < 1.25**2 * 1.1


def test_stretch_keeps_the_area():
    images = distorted(500, stretch=0.5)
    widths = images[:, 14].sum(1) / 200
    assert 4 / 1.5**0.5 * 0.95 < widths.min() < 3.5
    assert 4.6 < widths.max() < 4 * 1.5**0.5 * 1.05
    assert np.allclose(images.sum((1, 2)) / bars(1).sum(), 1, atol=0.12)


def test_elastic_displacement_has_the_deviation_asked_for():
    amount = replace(STILL, elastic=1.5)
    everyone = np.ones(4000, np.float32)
    columns, _ = _displacements((4000, 28, 28), amount, everyone, np.random.default_rng(0))
    displacement = columns.reshape(-1, 28, 28) - np.arange(28)
    assert displacement.std(axis=0) == pytest.approx(1.5, rel=0.06)
    assert np.abs(np.diff(displacement, axis=2)).mean() < 0.5


def test_thickness_goes_both_ways_and_leaves_the_blank_blank():
    ink = distorted(2000, thickness=1.0).sum((1, 2)) / bars(1).sum()
    assert ink.min() < 0.6
    assert ink.max() > 1.4
    assert abs(np.mean(ink > 1) - 0.5) < 0.05


def test_what_is_erased_is_a_rectangle_anywhere_with_sides_up_to_the_longest():
    full = np.full((4000, 28, 28), 255, np.uint8)
    missing = distort(full, replace(STILL, erase=10.0), np.random.default_rng(0)) == 0
    heights, widths = missing.any(axis=2).sum(axis=1), missing.any(axis=1).sum(axis=1)
    assert (missing.sum(axis=(1, 2)) == heights * widths).all()
    assert heights.max() == widths.max() == 10
    assert heights.mean() == pytest.approx(5, abs=0.6)
    assert (missing.mean(axis=0) > 0.005).all()
    kept = distort(full, replace(STILL, erase=10.0, share=0.0), np.random.default_rng(0))
    assert np.array_equal(kept, full)


@pytest.mark.parametrize(
    ("name", "value"),
    [("share", 1.1), ("share", -0.1), ("scale", -0.1), ("elastic", 50), ("rotation", 181)],
)
def test_impossible_amounts_are_refused(name, value):
    with pytest.raises(ValidationError, match=name):
        TypeAdapter(Distortion).validate_python({name: value})


def test_a_seed_distorts_as_it_has_always_done():
    images = np.repeat(draw_digits(10, np.random.default_rng(0)).images, 6, axis=0)
    strong = Distortion(0.9, 25.0, 0.3, 0.2, 0.2, 3.0, 1.0, 0.8, 8.0)
    assert_as_kept("distorted", distort(images, strong, np.random.default_rng(1)), columns=12)


@pytest.mark.parametrize("length", [1, 5, 28])
def test_the_squares_of_the_bells_add_up_to_one_everywhere(length):
    assert (_bells(length) ** 2).sum(axis=0) == pytest.approx(1)


def test_a_bell_reaches_its_neighbour_with_one_deviation():
    bells = _bells(26)  # a node every five pixels
    assert bells[1, 0] / bells[0, 0] == pytest.approx(np.exp(-0.5))
    assert bells[2, 0] / bells[0, 0] == pytest.approx(np.exp(-2))


DISTORTED = """
import hashlib, numpy as np
from pipeline.config.places import ROOT
from pipeline.digits.training.augmentation import Distortion, distort
digits = np.random.default_rng(0).integers(0, 256, (512, 28, 28), np.uint8)
distorted = distort(digits, Distortion(rotation=12, elastic=0.6), np.random.default_rng(0))
print(hashlib.sha256(distorted.tobytes()).hexdigest())
"""


def test_pictures_are_distorted_alike_whatever_the_environment_says_of_threads():
    digests = {
        subprocess.check_output(
            [sys.executable, "-c", DISTORTED],
            env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": threads},
        )
        for threads in ("1", "2")
    }
    assert len(digests) == 1


def test_a_share_of_the_distorted_pictures_is_disturbed():
    images = bars(1000)
    both = replace(STILL, share=0.5, disturbed=0.4)
    changed = (distort(images, both, np.random.default_rng(0)) != images).any(axis=(1, 2))
    assert changed.mean() == pytest.approx(0.5 * 0.4, abs=0.04)


def test_each_disturbance_disturbs_alone(monkeypatch):
    """Noise differs from pixel to pixel, clouds are smooth, patches even; paler is darker."""
    every = {
        "NOISE": 0.3,
        "CLOUD": 0.3,
        "FINE_CLOUD": 0.3,
        "PALER": 0.5,
        "PATCH": 10,
        "FRAGMENT": 14,
    }

    def only(name):
        for each in every:
            monkeypatch.setattr(augmentation, each, every[each] if each == name else 0)
        return distorted(count=400, disturbed=1.0).astype(float)

    def roughness(images):
        above = images[:, 1:, :9] - images[:, :-1, :9]  # where the bar is not
        return np.abs(above).mean() / (images[:, :, :9].std() + 1e-9)

    whole = bars(400).astype(float)
    assert roughness(only("NOISE")) > 0.7
    assert roughness(only("CLOUD")) < roughness(only("FINE_CLOUD")) < 0.5
    paler = only("PALER")
    assert (paler <= whole).all()
    assert paler.max(axis=(1, 2)).min() == pytest.approx(100, abs=5)
    patched = (only("PATCH") != whole).sum(axis=(1, 2))
    assert 0.3 < (patched > 0).mean() < 0.6
    assert patched.max() <= 10 * 10
    pieces = only("FRAGMENT")
    assert (pieces >= whole).all()
    assert 0.02 < (pieces != whole).any(axis=(1, 2)).mean() < 0.3
    assert set(np.unique(pieces)) == {0, 200}


def test_disturbed_pictures_are_noisy_but_not_all_as_much():
    clean = distorted(count=500, disturbed=1.0)[:, :4, :4].astype(float)  # paper alone
    noise = clean.std(axis=(1, 2))
    assert noise.min() < 5
    assert noise.max() > 40
