"""Several views of a picture: what they are, and that an answer is their mean."""

import numpy as np
import pytest

from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.digits.datasets.mnist import mnist_5000
from pipeline.digits.inference.classifier import VIEWS
from pipeline.digits.inference.metrics import cross_entropy
from pipeline.digits.inference.views import CHANGES, mean_answer, views
from pipeline.digits.splits import Split
from pipeline.digits.training.state import Epoch, Training
from pipeline.stages import network


@pytest.fixture(scope="module")
def digits():
    return mnist_5000().test.images[:40]


def test_the_first_view_is_the_picture_and_the_others_are_near_it(digits):
    first, *others = views(digits)
    assert first is digits
    assert len(others) == len(CHANGES)
    flat = first.reshape(len(digits), -1).astype(float)
    for other in others:
        assert (other.dtype, other.shape) == (np.uint8, digits.shape)
        alike = [
            np.corrcoef(*pair)[0, 1]
            for pair in zip(flat, other.reshape(len(flat), -1), strict=True)
        ]
        assert 0.6 < np.median(alike) < 0.98


def test_the_changes_of_a_kind_go_either_way_about_the_centre():
    square = np.zeros((1, 28, 28), np.uint8)
    square[0, 8:20, 8:20] = 255
    _, *others = views(square)
    turned, back, slanted, upright, larger, smaller = (view[0].astype(int) for view in others)
    assert np.abs(turned - back[:, ::-1]).max() <= 16
    assert np.abs(slanted - upright[:, ::-1]).max() <= 16
    assert larger.sum() > square.sum() * 1.1
    assert smaller.sum() < square.sum() / 1.1
    for view in (turned, back, slanted, upright, larger, smaller):
        rows, columns = np.indices(view.shape)
        center = [(view * places).sum() / view.sum() for places in (rows, columns)]
        assert center == pytest.approx((13.5, 13.5), abs=0.1)


def test_an_answer_is_the_mean_over_all_views(digits):
    seen = []

    def answer(images):
        seen.append(images)
        certain = np.zeros((len(images), 10), np.float32)
        certain[:, len(seen) - 1] = 1
        return certain

    answers = mean_answer(digits, answer)
    assert len(seen) == 1 + len(CHANGES)
    assert answers.dtype == np.float32
    assert answers[:, : len(seen)] == pytest.approx(1 / len(seen))
    assert not answers[:, len(seen) :].any()


def test_no_pictures_give_no_answers():
    empty = np.empty((0, 28, 28), np.uint8)
    assert mean_answer(empty, lambda images: np.empty((len(images), 10), np.float32)).shape == (
        0,
        10,
    )


class InkNetwork:
    """Stands in for a trained network: the more ink in its top half, the surer of class 1."""

    def predict(self, images, **_):
        share = images[:, :14].sum(axis=(1, 2)) / np.maximum(images.sum(axis=(1, 2)), 1)
        return np.column_stack([1 - share, share]).astype(np.float32) * 0.9 + 0.05

    def count_params(self):
        return 0


@pytest.mark.parametrize("several", [False, True])
def test_what_training_measures_and_writes_down_is_how_the_network_will_answer(digits, several):
    config = validate(compose([f"train.test_time_augmentation={several}"]))
    validation = Split(digits, np.arange(len(digits)) % 2)
    epoch = Epoch(1, 0.1, 0.9, 0.1, 0.9, 0.001, 1.0)
    metrics = network.measure(InkNetwork(), validation, Training([epoch], 1), config)
    answers = InkNetwork().predict(digits)
    averaged = mean_answer(digits, InkNetwork().predict)
    of_one, of_several = (cross_entropy(validation.labels, p) for p in (answers, averaged))
    assert of_one != of_several
    assert metrics["val_loss"] == (of_several if several else of_one)
    assert network.metadata(metrics, config, None)[VIEWS] == ("several" if several else "one")
