"""What is told of repeated trainings, beside scipy's own and tables made by hand."""

import numpy as np
import pytest
from scipy import stats

from pipeline.digits.seeds import (
    block_p_values,
    can_still_be_told,
    compare_with_best,
    holm,
    is_hopeless,
    mean_interval,
    paired_p_value,
    prediction_interval,
)

VALUES = [0.981, 0.978, 0.984, 0.980, 0.979]
OTHERS = [0.977, 0.976, 0.981, 0.975, 0.977]


def test_the_interval_of_the_mean_is_students():
    expected = stats.t.interval(0.95, 4, np.mean(VALUES), stats.sem(VALUES))
    assert mean_interval(VALUES) == pytest.approx(expected)


def test_one_value_has_no_interval():
    assert mean_interval([0.9]) is None
    assert prediction_interval([0.9]) is None


def test_a_new_value_is_within_the_prediction_interval_as_often_as_said():
    rng = np.random.default_rng(1)
    samples = rng.normal(size=(4_000, 6))
    inside = 0
    for *known, new in samples:
        low, high = prediction_interval(known)
        inside += low <= new <= high
    assert inside / len(samples) == pytest.approx(0.95, abs=0.012)


def test_the_paired_test_is_scipys():
    differences = np.subtract(VALUES, OTHERS)
    assert paired_p_value(differences) == pytest.approx(stats.ttest_rel(VALUES, OTHERS).pvalue)


def test_two_seeds_tell_nothing():
    assert paired_p_value([0.1, 0.1]) is None


def test_differences_that_do_not_scatter_are_told_or_are_none():
    assert paired_p_value([0.3 - 0.1, 0.5 - 0.3, 0.7 - 0.5]) == 0
    assert paired_p_value([0.0, 0.0, 0.0]) == 1


def test_holms_rule_on_the_example_worked_by_hand():
    # Times 4, 3, 2 and 1 in the order of their size, and never falling.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_seeds_are_paired_where_both_have_them_and_corrected_for_what_is_compared():
    best = dict(enumerate(VALUES))
    other = dict(enumerate(OTHERS)) | {9: 0.5}
    far = {seed: value - 0.1 - 0.001 * seed for seed, value in best.items()}
    verdicts = compare_with_best(best, [other, {0: 0.9, 1: 0.9}, far])
    single = [
        stats.ttest_rel(VALUES, OTHERS).pvalue,
        paired_p_value([0.1, 0.101, 0.102, 0.103, 0.104]),
    ]
    assert [verdict.seeds for verdict in verdicts] == [5, 2, 5]
    assert verdicts[0].p_value == pytest.approx(holm(single)[0])
    assert verdicts[2].p_value == pytest.approx(holm(single)[1])
    assert [verdict.worse for verdict in verdicts] == [True, False, True]
    assert verdicts[1].in_words() == "nothing can be told (2 shared seeds)"
    assert verdicts[2].in_words() == "worse (p < 0.001)"


def test_equally_good_ones_are_rarely_told_apart():
    rng = np.random.default_rng(2)
    wrong = 0
    for _ in range(400):
        table = rng.normal(size=(6, 5)) + rng.normal(size=5)
        # The best is one by chance: against a row chosen beforehand, the rule holds.
        wrong += (block_p_values(table, 0) < 0.05).any()
    assert wrong / 400 < 0.08


def test_two_seeds_tell_the_hopeless_from_the_best_by_the_spread_of_all():
    rng = np.random.default_rng(3)
    table = rng.normal(0, 0.001, (8, 2)) + np.linspace(0.9, 0.97, 8)[:, None]
    p_values = block_p_values(table, best=7)
    assert p_values[7] == 1
    assert (p_values[:5] < 0.001).all()


def test_what_more_seeds_would_tell_is_still_open_and_a_tie_is_not():
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 0.001, (2, 4))
    noise -= noise.mean(axis=1)[:, None]
    apart = noise + np.array([[0.001], [0]])
    assert block_p_values(apart, best=0)[1] > 0.05
    assert can_still_be_told(apart, most_seeds=16)
    assert not can_still_be_told(noise, most_seeds=16)


def test_one_training_is_hopeless_if_seeds_do_not_explain_how_bad_it_is():
    best = [0.97, 0.972, 0.974]
    repeated = [best, [0.95, 0.953], [0.5]]
    pooled = np.sqrt((np.var(best) * 3 + np.var([0.95, 0.953]) * 2) / 3 * (1 + 1 / 3))
    edge = 0.972 - stats.t.ppf(0.95, 3) * pooled
    assert is_hopeless(edge - 1e-6, repeated)
    assert not is_hopeless(edge + 1e-6, repeated)
    assert not is_hopeless(0.1, [[0.9], [0.8]]), "no spread is known"
