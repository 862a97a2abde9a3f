"""Figures of a search: its progress, and the importance of the settings."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.plots.style.chart import legend_above, new_chart, start_at_one
from pipeline.plots.style.look import BLUE, INK, TEXT_SIZE, VERMILLION, styled
from pipeline.plots.style.numbers import counted, percent
from pipeline.plots.style.text import shorten

_BAR_HEIGHT = 0.45  # inches
_MOST_BARS = 16


@styled
def history(accuracies: Sequence[float], stopped: int, note: str | None = None) -> Figure:
    """Show the validation accuracy of each trial and of the best so far.

    Args:
        accuracies: Of the finished trials in the order they were started, 0..1; at least one.
        stopped: Number of trials that were stopped early.
        note: A warning shown above the plot.
    """
    figure = new_chart(
        "How the search went",
        3.8,
        subtitle=f"{counted(len(accuracies), 'trial')} finished, {stopped} stopped early; "
        f"best {percent(max(accuracies))}",
        note=note,
    )
    axes = figure.subplots()
    shares = 100 * np.asarray(accuracies)
    numbers = np.arange(1, len(shares) + 1)
    axes.scatter(numbers, shares, color=BLUE, alpha=0.6, s=40, linewidths=0, label="a trial")
    best = np.maximum.accumulate(shares)
    axes.plot(numbers, best, color=VERMILLION, drawstyle="steps-post", label="the best so far")
    axes.set(xlabel="finished trials", ylabel="validation accuracy (%)")
    start_at_one(axes, len(shares))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    legend_above(axes, columns=2)
    return figure


@styled
def importance(shares: Mapping[str, float], objective: str, note: str | None = None) -> Figure:
    """Show the importance of each setting: how much of the variance it explains.

    Args:
        shares: Importance of each setting, 0..1, as Optuna's fANOVA gives it; at least one.
        objective: The metric whose variance is explained, such as "val_accuracy".
        note: A warning shown above the plot.
    """
    shown = sorted(shares.items(), key=lambda item: item[1])[-_MOST_BARS:]
    left_out = f"; {len(shares) - len(shown)} not shown" if len(shown) < len(shares) else ""
    figure = new_chart(
        "Which settings mattered",
        len(shown) * _BAR_HEIGHT + 0.9,
        subtitle=f"share of the variance of {objective} that a setting explains (fANOVA)"
        + left_out,
        note=note,
    )
    axes = figure.subplots()
    names = [shorten(name, 2.8, TEXT_SIZE) for name, _ in shown]
    values = [100 * share for _, share in shown]
    bars = axes.barh(range(len(shown)), values, color=BLUE, height=0.65)
    axes.bar_label(bars, [percent(share, 0) for _, share in shown], padding=4, color=INK)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(0, max(values) * 1.15 or 1)
    axes.set_xlabel("importance (%)")
    axes.grid(visible=False, axis="y")
    return figure
