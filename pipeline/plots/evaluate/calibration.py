"""The reliability diagram: how well confidence matches accuracy."""

from typing import TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.plots.style.chart import new_chart
from pipeline.plots.style.look import BLUE, GREY, VERMILLION, styled
from pipeline.plots.style.numbers import percent, thousands

ReliabilityBins: TypeAlias = tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.integer]]
"""Mean confidence (0..1), accuracy (0..1) and number of pictures of each bin, all of shape (bins,).

The first two are ignored for empty bins."""


@styled
def reliability_diagram(
    before: ReliabilityBins,
    after: ReliabilityBins,
    *,
    ece_before: float,
    ece_after: float,
    temperature: float | None = None,
    note: str | None = None,
) -> Figure:
    """Show how often the network is right when it is p % confident.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017. Bars show 95 % intervals
    (Wilson's score interval), so that a bin of three pictures does not look significant.

    Args:
        before: Bins of the uncalibrated probabilities.
        after: Bins of the calibrated probabilities.
        ece_before: Expected calibration error of the uncalibrated probabilities, 0..1.
        ece_after: Expected calibration error of the calibrated probabilities, 0..1.
        temperature: The divisor of the logits, if known.
        note: A warning shown above the diagram.
    """
    scaled = "" if temperature is None else f" Temperature {temperature:.3f}."
    figure = new_chart(
        "Calibration: can the confidence be believed?",
        6.4,
        subtitle=f"expected calibration error {percent(ece_before)} before, "
        f"{percent(ece_after)} after temperature scaling.{scaled} On the dashed line, "
        "pictures read with 80 % confidence are right 80 % of the time.",
        note=note,
    )
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2.6, 1))
    _draw_reliability(top, before, after)
    _draw_counts(bottom, before, after)
    return figure


def _draw_reliability(axes: Axes, before: ReliabilityBins, after: ReliabilityBins) -> None:
    axes.plot((0, 100), (0, 100), "--", color=GREY, linewidth=1.5, label="ideal")
    _draw_bins(axes, before, BLUE, "s", "before")
    _draw_bins(axes, after, VERMILLION, "o", "after")
    axes.set(ylabel="accuracy (%)", ylim=(-3, 103))
    axes.legend(loc="upper left")


def _draw_bins(axes: Axes, bins: ReliabilityBins, color: str, marker: str, label: str) -> None:
    filled = np.asarray(bins[2]) > 0
    confidence, accuracy, count = (np.asarray(part, dtype=np.float64)[filled] for part in bins)
    low, high = _wilson(accuracy, count)
    axes.errorbar(
        confidence * 100,
        accuracy * 100,
        yerr=np.maximum(0, [accuracy - low, high - accuracy]) * 100,
        color=color,
        marker=marker,
        markersize=7,
        elinewidth=1.2,
        capsize=3,
        label=label,
    )


def _wilson(
    share: NDArray[np.float64], count: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 95 % score interval of a share (Wilson, JASA 22, 1927)."""
    z2 = 1.96**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = np.sqrt(share * (1 - share) * z2 / count + z2**2 / (4 * count**2)) / (1 + z2 / count)
    return middle - half, middle + half


def _draw_counts(axes: Axes, before: ReliabilityBins, after: ReliabilityBins) -> None:
    """Draw how many pictures each bin holds, before and after calibration side by side."""
    for bins, color, shift in ((before, BLUE, -0.2), (after, VERMILLION, 0.2)):
        count = np.asarray(bins[2])
        width = 100 / len(count)
        centres = (np.arange(len(count)) + 0.5) * width
        axes.bar(centres + shift * width, count, width=0.38 * width, color=color)
    axes.set(xlabel="confidence (%)", ylabel="pictures", xlim=(0, 102), yscale="log")
    axes.yaxis.set_major_formatter(thousands)
    axes.minorticks_off()
