import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from pipeline.digits.robustness.ranking import auroc, certainty, fpr_at_95_tpr


@pytest.fixture
def scores():
    """Return scores of two kinds that overlap, with ties."""
    rng = np.random.default_rng(0)
    return np.round(rng.normal(1, 1, 300), 1), np.round(rng.normal(0, 1, 200), 1)


def test_the_area_is_that_of_another_implementation(scores):
    truth = np.repeat([1, 0], [300, 200])
    assert auroc(*scores) == pytest.approx(roc_auc_score(truth, np.concatenate(scores)))


def test_the_area_counts_ties_half():
    assert auroc(np.array([1.0, 2.0]), np.array([1.0])) == 0.75
    assert auroc(np.array([0.0]), np.array([1.0])) == 0


def test_the_false_positives_are_those_of_the_curve_at_95_percent(scores):
    truth = np.repeat([1, 0], [300, 200])
    false, true, _ = roc_curve(truth, np.concatenate(scores), drop_intermediate=False)
    assert fpr_at_95_tpr(*scores) == pytest.approx(false[np.argmax(true >= 0.95)])


def test_certainty_orders_answers_that_confidence_rounds_to_one():
    answers = np.array([[1, 1e-12, 0], [1, 1e-9, 0], [0.6, 0.3, 0.1]], np.float32)
    assert answers.max(axis=1)[0] == answers.max(axis=1)[1]
    first, second, third = certainty(answers)
    assert first > second > third
    assert third == pytest.approx(-0.4)
