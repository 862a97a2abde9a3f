"""Whether one network reads better than another: their answers for the same pictures, in pairs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Comparison:
    """How a candidate and a champion did on the same pictures.

    Attributes:
        pictures: How many there were.
        only_candidate: Rows of the pictures that the candidate alone read right, ascending.
        only_champion: Rows of the pictures that the champion alone read right, ascending.
        p_value: How probable a difference at least this large is between networks that are equally
            good, 0..1; see `mcnemar_mid_p`.
    """

    pictures: int
    only_candidate: NDArray[np.int64]
    only_champion: NDArray[np.int64]
    p_value: float

    @property
    def better(self) -> bool:
        """Whether the candidate is better by more than chance."""
        return len(self.only_candidate) > len(self.only_champion) and self.significant

    @property
    def significant(self) -> bool:
        """Whether the difference, either way, is more than chance."""
        return self.p_value < SIGNIFICANCE


def compare(
    labels: NDArray[np.integer],
    candidate: NDArray[np.integer],
    champion: NDArray[np.integer],
) -> Comparison:
    """Compare two networks' answers, integers (n,), with the truth, integers (n,)."""
    candidate_right, champion_right = candidate == labels, champion == labels
    only_candidate = np.flatnonzero(candidate_right & ~champion_right)
    only_champion = np.flatnonzero(champion_right & ~candidate_right)
    p_value = mcnemar_mid_p(len(only_candidate), len(only_champion))
    return Comparison(len(labels), only_candidate, only_champion, p_value)


def mcnemar_mid_p(one: int, other: int) -> float:
    """Return the two-sided mid-p value of McNemar's test, 0..1.

    Were both equally good, each picture that just one of them reads right would be a toss of a
    coin. The exact test errs on the cautious side; counting the outcome itself by half brings it
    near its nominal level (M. W. Fagerland, S. Lydersen, P. Laake, "The McNemar test for binary
    matched-pairs data: mid-p and asymptotic are better than exact conditional", BMC Medical
    Research Methodology 13:91, 2013).

    Args:
        one: Pictures that the one alone got right, >= 0.
        other: Pictures that the other alone got right, >= 0.
    """
    from scipy.stats import binom

    fewer = min(one, other)
    coin = binom(one + other, 0.5)
    this_one = float(coin.pmf(fewer))
    return 1 - this_one / 2 if one == other else 2 * float(coin.cdf(fewer)) - this_one
