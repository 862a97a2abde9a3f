"""What repeated trainings tell: means with intervals, and which differences are more than luck.

Trainings that differ in their seed alone scatter. All functions take plain arrays of one figure of
each training, such as its validation accuracy, and know nothing of trainings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.digits.significance import SIGNIFICANCE

CONFIDENCE = 0.95
"""The share of such intervals that hold what they are about."""
FEWEST_SEEDS = 3
"""With fewer, nothing is said about a difference."""
_ROUNDING = 1e-12  # below this, a spread is nothing but the rounding of floats


def mean_interval(values: ArrayLike) -> tuple[float, float] | None:
    """Return the interval in which the mean of many more is expected; None for a single value.

    Student's t-interval at `CONFIDENCE` (Student, "The probable error of a mean", Biometrika 6,
    1908): mean ± t(n - 1) · s / √n.

    Args:
        values: (n,), of trainings that differ in their seed alone.
    """
    return _t_interval(values, own_scatter=0)


def prediction_interval(values: ArrayLike) -> tuple[float, float] | None:
    """Return the interval in which one more value is expected; None for a single value.

    Mean ± t(n - 1) · s · √(1 + 1/n), at `CONFIDENCE` (S. Geisser, "Predictive Inference", 1993).

    Args:
        values: (n,), of trainings that differ in their seed alone.
    """
    return _t_interval(values, own_scatter=1)


def _t_interval(values: ArrayLike, own_scatter: int) -> tuple[float, float] | None:
    from scipy.stats import t

    known = np.asarray(values, np.float64)
    if len(known) < 2:
        return None
    spread = known.std(ddof=1) * np.sqrt(own_scatter + 1 / len(known))
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(known) - 1) * spread)
    return float(known.mean()) - half, float(known.mean()) + half


def paired_p_value(differences: ArrayLike) -> float | None:
    """Return the two-sided p-value, 0..1, of the paired t-test; None below `FEWEST_SEEDS`.

    Trainings with the same seed share their split of the data and the order of the pictures, so
    their difference scatters less than either (Student 1908; `scipy.stats.ttest_rel`).

    Args:
        differences: (n,), one for every seed that both configurations were trained with.
    """
    from scipy.stats import t

    known = np.asarray(differences, np.float64)
    if len(known) < FEWEST_SEEDS:
        return None
    spread = known.std(ddof=1) / np.sqrt(len(known))
    if spread < _ROUNDING:
        return 1.0 if abs(known.mean()) < _ROUNDING else 0.0
    return float(2 * t.sf(abs(known.mean()) / spread, len(known) - 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, in the same order.

    Of k true null hypotheses, the chance that any is rejected stays at the level of one test
    (S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979).
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(np.argsort(p_values)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected


@dataclass(frozen=True)
class Verdict:
    """Whether a configuration can be told from the best one.

    Attributes:
        seeds: The number of seeds that both were trained with.
        p_value: The corrected p-value of their difference, 0..1; None if the seeds are too few.
    """

    seeds: int
    p_value: float | None

    @property
    def worse(self) -> bool:
        """Whether it is worse by more than luck."""
        return self.p_value is not None and self.p_value < SIGNIFICANCE

    def in_words(self) -> str:
        """Say in a few words how it compares with the best."""
        if self.p_value is None:
            counted = f"{self.seeds or 'no'} shared seed{'' if self.seeds == 1 else 's'}"
            return f"nothing can be told ({counted})"
        return f"{'worse' if self.worse else 'tie'} ({p_text(self.p_value)})"


def p_text(p_value: float) -> str:
    """Format a p-value as people write it: "p = 0.03", "p < 0.001"."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.{2 if p_value >= 0.01 else 3}f}"


def compare_with_best(
    best: Mapping[int, float], others: Sequence[Mapping[int, float]]
) -> list[Verdict]:
    """Compare configurations with the best one: paired t-tests, corrected by Holm's rule.

    See `paired_p_value` and `holm`. Comparisons with too few seeds do not count among those that
    are corrected for.

    Args:
        best: Of the best configuration, a figure of each training, by its seed.
        others: The same of the others.
    """
    shared = [sorted(best.keys() & other.keys()) for other in others]
    single = [
        paired_p_value([best[seed] - other[seed] for seed in seeds])
        for other, seeds in zip(others, shared, strict=True)
    ]
    corrected = iter(holm([p_value for p_value in single if p_value is not None]))
    return [
        Verdict(len(seeds), None if p_value is None else next(corrected))
        for seeds, p_value in zip(shared, single, strict=True)
    ]


def block_p_values(values: ArrayLike, best: int) -> NDArray[np.float64]:
    """Return the one-sided p-value, 0..1, of each configuration being worse, corrected by `holm`.

    Every seed is a block in which all configurations are compared, and the spread is that of all of
    them together: mean square of the residuals of the two-way analysis of variance, with
    (k - 1)(n - 1) degrees of freedom. So a few seeds suffice to tell the hopeless ones, as in
    F-race (M. Birattari, T. Stützle, L. Paquete, K. Varrentrapp, "A racing algorithm for
    configuring metaheuristics", GECCO 2002), whose rank test has the same blocks.

    Args:
        values: (k, n), of k >= 2 configurations (rows) with the same n >= 2 seeds (columns).
        best: The row that the others are compared with; its own p-value is 1.
    """
    table = np.asarray(values, np.float64)
    distances = table.mean(axis=1)[best] - table.mean(axis=1)
    return _block_p_values(distances, _block_variance(table), table.shape[1], best)


def can_still_be_told(values: ArrayLike, most_seeds: int) -> bool:
    """Return whether, with more seeds, the test above may tell any configuration from the best.

    That is taken as ruled out if, with all seeds, none of the differences would be significant,
    were they and the spread what they are now ("stochastic curtailment": K. K. G. Lan, R. Simon,
    M. Halperin, "Stochastically curtailed tests in long-term clinical trials", Sequential Analysis
    1, 1982).

    Args:
        values: (k, n), as for `block_p_values`.
        most_seeds: How many seeds there can be.
    """
    table = np.asarray(values, np.float64)
    means, variance = table.mean(axis=1), _block_variance(table)
    distances = means.max() - means
    p_values = _block_p_values(distances, variance, most_seeds, int(means.argmax()))
    return bool((p_values < SIGNIFICANCE).any())


def is_hopeless(value: float, repeated: Sequence[Sequence[float]]) -> bool:
    """Return whether one training is worse than the best configuration by more than luck.

    Luck is the spread within the configurations that were repeated, pooled over them: one-sided, at
    `SIGNIFICANCE`, by the prediction interval of one more value of the best. Until a configuration
    was repeated, nothing is hopeless.

    Args:
        value: Of the training; higher is better.
        repeated: The values of each earlier configuration, one a seed; those with one do not count.
    """
    from scipy.stats import t

    groups = [np.asarray(values, np.float64) for values in repeated if len(values) > 1]
    freedom = sum(len(values) - 1 for values in groups)
    if not freedom:
        return False
    best = max(groups, key=lambda values: float(values.mean()))
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in groups)
    spread = np.sqrt(squares / freedom * (1 + 1 / len(best)))
    return bool(best.mean() - value > t.ppf(1 - SIGNIFICANCE, freedom) * spread)


def _block_variance(table: NDArray[np.float64]) -> float:
    """Return the mean square of the residuals after configurations (rows) and seeds (columns)."""
    rows, columns = table.shape
    residuals = table - table.mean(axis=1)[:, None] - table.mean(axis=0) + table.mean()
    return float((residuals**2).sum() / ((rows - 1) * (columns - 1)))


def _block_p_values(
    distances: NDArray[np.float64], variance: float, seeds: int, best: int
) -> NDArray[np.float64]:
    from scipy.stats import t

    error = max(np.sqrt(2 * variance / seeds), _ROUNDING)
    single = t.sf(distances / error, (len(distances) - 1) * (seeds - 1))
    others = [row for row in range(len(distances)) if row != best]
    corrected = np.ones(len(distances))
    corrected[others] = holm([float(single[row]) for row in others])
    return corrected
