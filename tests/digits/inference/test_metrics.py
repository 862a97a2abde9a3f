"""The metrics against hand-made cases."""

import numpy as np
import pytest

from pipeline.digits.inference import metrics

LABELS = np.array([0, 0, 1, 1])
PROBABILITIES = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]])


def test_accuracy_and_cross_entropy():
    assert metrics.accuracy(LABELS, PROBABILITIES) == 0.75
    expected = -np.log([0.9, 0.4, 0.8, 0.7]).mean()
    assert metrics.cross_entropy(LABELS, PROBABILITIES) == pytest.approx(expected)


def test_cross_entropy_of_an_impossible_truth_is_finite():
    assert np.isfinite(metrics.cross_entropy(np.array([0]), np.array([[0.0, 1.0]])))


def test_confusion_rows_are_the_truth():
    matrix = metrics.confusion_matrix(LABELS, PROBABILITIES.argmax(axis=1), 3)
    assert matrix.tolist() == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]


def test_precision_and_recall():
    matrix = np.array([[1, 1, 0], [0, 2, 0], [0, 0, 0]])
    precision, recall = metrics.precision_and_recall(matrix)
    assert precision == pytest.approx([1, 2 / 3, 0])
    assert recall == pytest.approx([1 / 2, 1, 0])


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    # Four answers at 0.8 of which two are right: a gap of 0.3.
    probabilities = np.tile([0.8, 0.2], (4, 1))
    bins = metrics.reliability(np.array([0, 0, 1, 1]), probabilities)
    assert bins.expected_calibration_error == pytest.approx(0.3)
    assert bins.count.sum() == 4


def test_an_answer_of_full_confidence_has_a_bin():
    bins = metrics.reliability(np.array([0]), np.array([[1.0, 0.0]]))
    assert bins.count[-1] == 1
    assert bins.expected_calibration_error == 0


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_softening_keeps_order_and_sums(temperature):
    softened = metrics.soften(PROBABILITIES, temperature)
    assert softened.sum(axis=1) == pytest.approx(np.ones(4))
    assert (softened.argmax(axis=1) == PROBABILITIES.argmax(axis=1)).all()
    if temperature == 1:
        assert softened == pytest.approx(PROBABILITIES)


@pytest.mark.parametrize("made_worse_by", [0.4, 2.5])
def test_the_fitted_temperature_undoes_a_known_one(made_worse_by):
    rng = np.random.default_rng(0)
    truth = rng.dirichlet(np.full(10, 0.3), 20_000)
    labels = np.array([rng.choice(10, p=row) for row in truth])
    softened = metrics.soften(truth, made_worse_by)
    assert metrics.fit_temperature(labels, softened) == pytest.approx(1 / made_worse_by, rel=0.05)


def test_the_two_likeliest_classes_come_with_their_probabilities():
    first, second = metrics.two_likeliest(np.array([0.1, 0.2, 0.65, 0.05]))
    assert first == (2, 0.65)
    assert second == (1, 0.2)


def test_a_class_of_a_single_picture_may_be_read_in_full():
    precision, recall = metrics.precision_and_recall(np.array([[1, 0], [1, 3]]))
    assert precision == pytest.approx([1 / 2, 1])
    assert recall == pytest.approx([1, 3 / 4])
