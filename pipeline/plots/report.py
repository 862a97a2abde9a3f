"""Figure of the report: the learning curves of several experiments together."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.plots.style.chart import draw_epochs, legend_above_all, new_chart, start_at_one
from pipeline.plots.style.look import (
    BLUE,
    GREEN,
    INK,
    LABEL_SIZE,
    LIGHT_GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    styled,
)
from pipeline.plots.style.page import CONTENT_WIDTH
from pipeline.plots.style.text import shorten

_COLORS = (VERMILLION, BLUE, GREEN, ORANGE, SKY, PURPLE, INK)  # of the first curves
_LEGEND_LINE = 0.26  # inches


@dataclass(frozen=True)
class Curve:
    """The learning curves of one experiment.

    Attributes:
        name: Its name.
        epochs: Epochs from 1, ascending.
        accuracy: Validation accuracy after each, 0..1.
        loss: Validation loss after each, in nats.
    """

    name: str
    epochs: Sequence[int]
    accuracy: Sequence[float]
    loss: Sequence[float]


@styled
def curves_together(curves: Sequence[Curve], note: str | None = None) -> Figure:
    """Show validation loss and accuracy by epoch of several experiments.

    Args:
        curves: The best first; it is drawn on top. From the eighth on they are grey.
        note: A warning shown above the curves.
    """
    named = curves[: len(_COLORS)]
    others = len(curves) - len(named)
    legend_height = (len(named) + bool(others)) * _LEGEND_LINE + 0.15
    figure = new_chart("Learning curves", 3.9, note=note, legend_height=legend_height)
    loss, accuracy = figure.subplots(1, 2)
    for place, curve in reversed(list(enumerate(curves))):
        _draw(loss, curve, curve.loss, place)
        _draw(accuracy, curve, [100 * share for share in curve.accuracy], place)
    for axes, what in ((loss, "validation loss (nats)"), (accuracy, "validation accuracy (%)")):
        axes.set(xlabel="epoch", ylabel=what)
        start_at_one(axes, max(curve.epochs[-1] for curve in curves))
    handles = accuracy.get_lines()[::-1][: len(named) + bool(others)]
    names = [shorten(curve.name, CONTENT_WIDTH - 0.6, LABEL_SIZE) for curve in named]
    if others:
        names.append(f"{others} more")
    legend_above_all(figure, handles, names, labelspacing=0.35)
    return figure


def _draw(axes: Axes, curve: Curve, values: Sequence[float], place: int) -> None:
    color = _COLORS[place] if place < len(_COLORS) else LIGHT_GREY
    draw_epochs(axes, curve.epochs, values, color=color, markersize=4)
