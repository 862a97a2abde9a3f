"""Test whether one network is better than another: compare their answers to the same pictures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

P_VALUE_NAME = "McNemar's mid-p"
SIGNIFICANCE = 0.05  # a difference with a smaller p-value is significant


@dataclass(frozen=True)
class Comparison:
    """The answers of a candidate and of a champion to the same pictures.

    Attributes:
        pictures: Number of pictures.
        only_candidate: Rows of the pictures that the candidate alone got right, ascending.
        only_champion: Rows of the pictures that the champion alone got right, ascending.
        p_value: Probability of a difference at least this large between equally good networks,
            0..1; see `mcnemar_mid_p`.
    """

    pictures: int
    only_candidate: NDArray[np.int64]
    only_champion: NDArray[np.int64]
    p_value: float

    @property
    def better(self) -> bool:
        """Whether the candidate is significantly better."""
        return len(self.only_candidate) > len(self.only_champion) and self.significant

    @property
    def significant(self) -> bool:
        """Whether the difference, in either direction, is significant."""
        return self.p_value < SIGNIFICANCE


def compare(
    labels: NDArray[np.integer],
    candidate: NDArray[np.integer],
    champion: NDArray[np.integer],
) -> Comparison:
    """Compare the answers of two networks, integers (n,), to pictures with these labels (n,)."""
    candidate_right, champion_right = candidate == labels, champion == labels
    only_candidate = np.flatnonzero(candidate_right & ~champion_right)
    only_champion = np.flatnonzero(champion_right & ~candidate_right)
    p_value = mcnemar_mid_p(len(only_candidate), len(only_champion))
    return Comparison(len(labels), only_candidate, only_champion, p_value)


def mcnemar_mid_p(one: int, other: int) -> float:
    """Return the two-sided mid-p value of McNemar's test, 0..1.

    Between equally good networks, each picture that only one of them gets right is a coin toss. The
    exact binomial test is conservative; counting half of the observed outcome's probability brings
    it close to its nominal level (M. W. Fagerland, S. Lydersen, P. Laake, "The McNemar test for
    binary matched-pairs data: mid-p and asymptotic are better than exact conditional", BMC Medical
    Research Methodology 13:91, 2013).

    Args:
        one: Number of pictures that only the one network got right.
        other: Number of pictures that only the other got right.
    """
    from scipy.stats import binom

    fewer = min(one, other)
    coin = binom(one + other, 0.5)
    observed = float(coin.pmf(fewer))
    return 1 - observed / 2 if one == other else 2 * float(coin.cdf(fewer)) - observed


def fisher_exact(right: int, pictures: int, other_right: int, other_pictures: int) -> float:
    """Return the two-sided p-value of Fisher's exact test of two proportions, 0..1.

    For two networks of which only the numbers of right answers are known; on the same pictures,
    McNemar's test finds smaller differences (R. A. Fisher, "On the interpretation of χ² from
    contingency tables", Journal of the Royal Statistical Society 85, 1922).

    Args:
        right: How many pictures the one network got right.
        pictures: Of how many.
        other_right: How many the other got right.
        other_pictures: Of how many.
    """
    from scipy import stats

    counts = [[right, pictures - right], [other_right, other_pictures - other_right]]
    return float(stats.fisher_exact(counts)[1])
