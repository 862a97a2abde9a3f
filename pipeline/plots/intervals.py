"""Figure of a sweep: the accuracy of every configuration with its interval."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from pipeline.plots.style.chart import legend_above, new_chart
from pipeline.plots.style.look import BLUE, LIGHT_GREY, ORANGE, TEXT_SIZE, VERMILLION, styled
from pipeline.plots.style.text import shorten

MOST_ROWS = 30
"""Maximum number of configurations that are shown."""

_ROW_HEIGHT = 0.36  # inches
_PARTS = {"val_accuracy": ("validation", "o", -0.14), "test_accuracy": ("test", "D", 0.14)}


@styled
def intervals(rows: Sequence[Mapping[str, Any]], note: str | None = None) -> Figure:
    """Show mean validation and test accuracy of each configuration with their intervals.

    Args:
        rows: One mapping per configuration, the best first, with the keys name, val_accuracy and
            test_accuracy (0..1), val_accuracy_high and test_accuracy_high (the upper ends of their
            intervals, None for a single seed) and tied; at least one.
        note: A warning shown above the plot.
    """
    shown = rows[:MOST_ROWS]
    left_out = f"; {len(rows) - len(shown)} more not shown" if len(shown) < len(rows) else ""
    figure = new_chart(
        "Accuracy of every configuration",
        len(shown) * _ROW_HEIGHT + 1.2,
        subtitle=f"mean over seeds with its 95 % interval; shaded: the best and its ties{left_out}",
        note=note,
    )
    axes = figure.subplots()
    for place, row in enumerate(shown):
        if row is rows[0] or row.get("tied"):
            axes.axhspan(place - 0.5, place + 0.5, color=LIGHT_GREY, alpha=0.5, linewidth=0)
    for (key, (part, marker, lift)), color in zip(_PARTS.items(), (BLUE, ORANGE), strict=True):
        known = [(place, row) for place, row in enumerate(shown) if row.get(key) is not None]
        axes.errorbar(
            [100 * row[key] for _, row in known],
            [place + lift for place, _ in known],
            xerr=[_half_width(row, key) for _, row in known],
            fmt=marker, color=color, markersize=5, elinewidth=1.6, capsize=3, label=part,
        )  # fmt: skip
    axes.set_yticks(range(len(shown)), [shorten(str(row["name"]), 3.6, TEXT_SIZE) for row in shown])
    axes.get_yticklabels()[0].set_color(VERMILLION)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlabel("accuracy (%)")
    axes.grid(visible=False, axis="y")
    legend_above(axes, columns=2)
    return figure


def _half_width(row: Mapping[str, Any], key: str) -> float:
    """Return half the width of an interval in points, 0 for a single seed."""
    high = row.get(f"{key}_high")
    return 0.0 if high is None else 100 * (high - row[key])
