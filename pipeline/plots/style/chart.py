"""Pages filled by axes: charts, their legends and their curves."""

from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.plots.style.page import new_page

_MOST_MARKED = 25  # curves of more epochs get no markers


def new_chart(
    title: str,
    body_height: float,
    *,
    subtitle: str | None = None,
    note: str | None = None,
    legend_height: float = 0.0,
) -> Figure:
    """Make a page whose body is filled by its axes, side by side or stacked.

    Args:
        title: As in `new_page`.
        body_height: Height of the axes with their labels, in inches.
        subtitle: As in `new_page`.
        note: As in `new_page`.
        legend_height: Room above the axes for `legend_above_all`, in inches.
    """
    figure, body = new_page(title, body_height + legend_height, subtitle=subtitle, note=note)
    left, bottom, width, height = body
    height -= legend_height / figure.get_figheight()
    figure.set_layout_engine("constrained", rect=(left, bottom, width, height), wspace=0.06)
    return figure


def legend_above_all(
    figure: Figure, handles: Sequence[Artist], names: Sequence[str], **options: Any
) -> None:
    """Put one legend for all axes into the space that `new_chart` reserved above them."""
    engine = figure.get_layout_engine()
    assert engine is not None  # `new_chart` has set it
    left, bottom, _, height = engine.get()["rect"]
    legend = figure.legend(
        handles,
        names,
        loc="lower left",
        bbox_to_anchor=(left, bottom + height + 0.02),
        borderaxespad=0,
        borderpad=0,
        **options,
    )
    legend.set_in_layout(False)  # its place is reserved


def legend_above(axes: Axes, columns: int) -> None:
    """Put the legend of one axes above it."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=0.2)


def draw_epochs(axes: Axes, epochs: Sequence[int], values: Sequence[float], **look: Any) -> None:
    """Plot a value by epoch, with a marker for each epoch if there are few."""
    axes.plot(epochs, values, marker="o" if len(epochs) <= _MOST_MARKED else "", **look)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))


def start_at_one(axes: Axes, last: int) -> None:
    """Let an x-axis that counts from 1 to `last` begin just before 1, not at 0."""
    axes.set_xlim(0.5, last + max(0.5, 0.02 * last))
