"""McNemar's test, held against values worked out by hand and against its exact relative."""

import math

import numpy as np
import pytest

from pipeline.digits.significance import compare, fisher_exact, mcnemar_mid_p


@pytest.mark.parametrize(
    ("one", "other", "p"),
    [
        # Two-sided exact value less the probability of the outcome itself.
        (0, 3, 2 * 1 / 8 - 1 / 8),
        (1, 5, 2 * (1 + 6) / 64 - 6 / 64),
        (2, 2, 1 - 6 / 16 / 2),
        (0, 0, 0.5),
    ],
)
def test_mid_p_is_what_it_is_by_hand(one, other, p):
    assert mcnemar_mid_p(one, other) == pytest.approx(p)
    assert mcnemar_mid_p(other, one) == mcnemar_mid_p(one, other)


def test_mid_p_is_that_of_the_paper():
    """Fagerland et al. 2013, children with airway trouble (1 and 7 discordant pairs)."""
    assert mcnemar_mid_p(1, 7) == pytest.approx(0.0391, abs=5e-5)


def test_mid_p_stays_a_number_however_many_pairs_there_are():
    assert 0 < mcnemar_mid_p(4800, 5200) < 1e-3
    assert mcnemar_mid_p(10_000, 0) == pytest.approx(0.5**10_000, abs=1e-300)
    assert not math.isnan(mcnemar_mid_p(30_000, 30_000))


def labelled(candidate_alone, champion_alone, both=50):
    """Return labels and two sets of answers that differ as told."""
    candidate = [1] * both + [1] * candidate_alone + [0] * champion_alone
    champion = [1] * both + [0] * candidate_alone + [1] * champion_alone
    return np.ones(len(candidate), np.uint8), np.array(candidate), np.array(champion)


def test_a_comparison_says_who_was_right_where():
    comparison = compare(*labelled(2, 1, both=3))
    assert comparison.pictures == 6
    assert comparison.only_candidate.tolist() == [3, 4]
    assert comparison.only_champion.tolist() == [5]


@pytest.mark.parametrize(
    ("alone", "better", "significant"),
    [((12, 1), True, True), ((1, 12), False, True), ((6, 4), False, False), ((0, 0), False, False)],
)
def test_better_is_more_right_by_more_than_chance(alone, better, significant):
    comparison = compare(*labelled(*alone))
    assert (comparison.better, comparison.significant) == (better, significant)


def test_answers_that_both_get_wrong_count_for_neither():
    labels = np.zeros(4, np.uint8)
    comparison = compare(labels, np.array([1, 1, 2, 0]), np.array([1, 2, 2, 0]))
    assert len(comparison.only_candidate) == len(comparison.only_champion) == 0


def test_fishers_test_of_counts_is_scipys_and_finds_less_than_mcnemars():
    assert fisher_exact(990, 1_000, 970, 1_000) == pytest.approx(
        fisher_exact(970, 1_000, 990, 1_000)
    )
    assert fisher_exact(26, 26, 25, 26) == 1
    assert mcnemar_mid_p(0, 20) < fisher_exact(990, 1_000, 970, 1_000) < 0.05
