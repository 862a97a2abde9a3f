"""Seeds as groups."""

import numpy as np
import pytest
from scipy import stats
from support.trials import failed, finished, on_other_data, repeated, result

from pipeline.experiments.comparing.groups import group_rows, grouped

BEST = [0.981, 0.978, 0.984, 0.980, 0.979]
CLOSE = [0.979, 0.979, 0.981, 0.982, 0.977]
WORSE = [0.951, 0.949, 0.955, 0.950, 0.948]


def by_epochs(rows):
    return {row["epochs"]: row for row in rows}


@pytest.fixture
def results(tree):
    return [
        *repeated(tree, WORSE, epochs=1),
        *repeated(tree, BEST, epochs=3),
        *repeated(tree, CLOSE, epochs=2),
    ]


def test_trials_that_differ_in_their_seed_alone_are_one_row(results):
    groups = grouped(results)
    assert [len(group.results) for group in groups] == [5, 5, 5]
    assert [row["epochs"] for row in group_rows(groups)] == [3, 2, 1]
    assert [row["seeds"] for row in group_rows(groups)] == [5, 5, 5]


def test_means_and_intervals_are_scipys(results):
    row = by_epochs(group_rows(grouped(results)))[1]
    low, high = stats.t.interval(0.95, 4, np.mean(WORSE), stats.sem(WORSE))
    assert row["val_accuracy"] == pytest.approx(np.mean(WORSE))
    assert (row["val_accuracy_low"], row["val_accuracy_high"]) == pytest.approx((low, high))
    assert {"test_accuracy_low", "val_loss_high", "training_seconds_high"} <= row.keys()


def test_each_is_compared_with_the_best_and_ties_are_told(results):
    rows = by_epochs(group_rows(grouped(results)))
    tie, worse = stats.ttest_rel(BEST, CLOSE).pvalue, 2 * stats.ttest_rel(BEST, WORSE).pvalue
    assert rows[3]["compared"] == "best"
    assert rows[2]["p_value"] == pytest.approx(tie)
    assert rows[2]["tied"]
    assert rows[2]["compared"].startswith("tie (p = ")
    assert rows[1]["p_value"] == pytest.approx(worse)
    assert not rows[1]["tied"]
    assert rows[1]["compared"] == "worse (p < 0.001)"


def test_two_seeds_tell_nothing(tree):
    rows = group_rows(grouped([*repeated(tree, BEST[:2]), *repeated(tree, WORSE[:2], epochs=1)]))
    assert rows[0]["compared"] == "highest mean"
    assert rows[1]["compared"] == "nothing can be told (2 shared seeds)"
    assert rows[1]["p_value"] is None


def test_what_failed_is_told_and_counts_for_nothing(tree):
    results = [*repeated(tree, BEST[:3]), result(tree, failed("too high"), seed=9)]
    (row,) = group_rows(grouped(results))
    assert row["seeds"] == 3
    assert row["compared"] == "best; 1 failed: too high"
    assert row["val_accuracy"] == pytest.approx(np.mean(BEST[:3]))


def test_what_failed_altogether_comes_last(tree):
    results = [result(tree, failed("too high"), epochs=1), *repeated(tree, WORSE)]
    rows = group_rows(grouped(results))
    assert [row["seeds"] for row in rows] == [5, 0]
    assert rows[1]["compared"] == "1 failed: too high"
    assert rows[1]["val_accuracy"] is None


def test_what_a_race_dropped_comes_after_those_it_kept_and_says_so(tree):
    dropped = repeated(tree, [0.99, 0.99], epochs=1, dropped="dropped after 2 seeds (p = 0.01)")
    rows = group_rows(grouped([*dropped, *repeated(tree, WORSE)]))
    assert [row["epochs"] for row in rows] == [12, 1]
    assert rows[1]["compared"] == "dropped after 2 seeds (p = 0.01)"
    assert not rows[1]["tied"]


def test_a_setting_that_differs_is_another_group(tree):
    results = [result(tree, finished(0.9)), result(tree, finished(0.9), learning_rate=0.1)]
    rows = group_rows(grouped(results))
    assert [row["learning_rate"] for row in rows] == [0.002, 0.1]
    assert "seed" not in rows[0]


def test_accuracies_on_other_data_are_not_compared(tree):
    harder = on_other_data([*repeated(tree, WORSE), *repeated(tree, WORSE[::-1], epochs=3)])
    useless = on_other_data([result(tree, failed("no such data"), seed=9)])
    groups = grouped([*useless, *harder, *repeated(tree, BEST), *repeated(tree, CLOSE, epochs=1)])
    assert [group.leads for group in groups] == [True, False, True, False]
    assert [group.data == groups[0].data for group in groups] == [True, True, False, False]
    assert "worse" not in " ".join(group.compared() for group in groups)


def test_data_on_which_nothing_finished_comes_last(tree):
    useless = on_other_data([result(tree, failed("no such data"))])
    groups = grouped([*useless, *repeated(tree, BEST)])
    assert [group.leads for group in groups] == [True, False]
