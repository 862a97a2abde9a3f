"""Figure of the report: the learning curves of several experiments together."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.plots.style import look, page, text

COLORS = (look.VERMILLION, look.BLUE, look.GREEN, look.ORANGE, look.SKY, "#CC79A7", look.INK)
"""Okabe & Ito's, for the first curves; those that follow are grey."""
_LEGEND_SIZE = look.SMALL_SIZE + 1
_LEGEND_LINE = 0.26  # inches


@dataclass(frozen=True)
class Curve:
    """How one experiment learnt.

    Attributes:
        name: What it is called.
        epochs: Epochs from 1, ascending.
        accuracy: Validation accuracy after each, 0..1.
        loss: Validation loss after each, in nats.
    """

    name: str
    epochs: Sequence[int]
    accuracy: Sequence[float]
    loss: Sequence[float]


@look.styled
def curves_together(curves: Sequence[Curve], note: str | None = None) -> Figure:
    """Show validation loss and accuracy by epoch of several experiments.

    Args:
        curves: The best first: it is drawn on top; from the eighth on they are grey.
        note: A warning shown above the curves.
    """
    named = curves[: len(COLORS)]
    others = len(curves) - len(named)
    legend_height = (len(named) + bool(others)) * _LEGEND_LINE + 0.15
    figure = page.new_chart("Learning curves", 3.9, note=note, legend_height=legend_height)
    loss, accuracy = figure.subplots(1, 2)
    for place, curve in reversed(list(enumerate(curves))):
        _draw(loss, curve, curve.loss, place)
        _draw(accuracy, curve, [100 * share for share in curve.accuracy], place)
    loss.set(xlabel="epoch", ylabel="validation loss (nats)")
    accuracy.set(xlabel="epoch", ylabel="validation accuracy (%)")
    handles = accuracy.get_lines()[::-1][: len(named) + bool(others)]
    names = [text.shorten(curve.name, look.CONTENT_WIDTH - 0.6, _LEGEND_SIZE) for curve in named]
    if others:
        names.append(f"{others} more")
    page.legend_above(figure, handles, names, labelspacing=0.35)
    return figure


def _draw(axes: Axes, curve: Curve, values: Sequence[float], place: int) -> None:
    color = COLORS[place] if place < len(COLORS) else "#BBBBBB"
    page.draw_epochs(axes, curve.epochs, values, color=color, markersize=4)
