"""Figures of a search: how it went on, and which settings mattered."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.plots.style import look, page, text

BAR_HEIGHT = 0.45
MOST_BARS = 16


@look.styled
def history(accuracies: Sequence[float], stopped: int, note: str | None = None) -> Figure:
    """Show the validation accuracy of each trial and of the best so far.

    Args:
        accuracies: Of the finished trials in the order they were begun, 0..1; at least one.
        stopped: How many were given up early.
        note: A warning shown above the plot.
    """
    shares = 100 * np.asarray(accuracies)
    figure = page.new_chart(
        "How the search went",
        3.8,
        subtitle=f"{len(shares)} trials finished, {stopped} given up early; "
        f"best {shares.max():.2f} %",
        note=note,
    )
    axes = figure.subplots()
    numbers = np.arange(1, len(shares) + 1)
    axes.scatter(numbers, shares, color=look.BLUE, alpha=0.6, s=40, linewidths=0, label="a trial")
    axes.plot(
        numbers,
        np.maximum.accumulate(shares),
        color=look.VERMILLION,
        drawstyle="steps-post",
        label="the best so far",
    )
    axes.set_xlabel("finished trials")
    axes.set_ylabel("validation accuracy (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
    return figure


@look.styled
def importance(shares: Mapping[str, float], objective: str, note: str | None = None) -> Figure:
    """Show how much of the differences each setting explains.

    Args:
        shares: Importance of each setting, 0..1, as Optuna's fANOVA gives it; at least one.
        objective: What it is that differs, such as "val_accuracy".
        note: A warning shown above the plot.
    """
    listed = sorted(shares.items(), key=lambda item: item[1])[-MOST_BARS:]
    figure = page.new_chart(
        "Which settings mattered",
        len(listed) * BAR_HEIGHT + 0.9,
        subtitle=f"share of the differences in {objective} that a setting explains (fANOVA)",
        note=note,
    )
    axes = figure.subplots()
    names = [text.shorten(name, 2.8, look.TEXT_SIZE) for name, _ in listed]
    values = [100 * share for _, share in listed]
    bars = axes.barh(range(len(listed)), values, color=look.BLUE, height=0.65)
    axes.bar_label(bars, [f"{value:.0f} %" for value in values], padding=4, color=look.INK)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(0, max(values) * 1.15 or 1)
    axes.set_xlabel("importance (%)")
    axes.grid(visible=False, axis="y")
    return figure
