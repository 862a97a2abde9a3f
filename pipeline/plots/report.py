"""Figure of the report: the learning curves of several experiments together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

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

Band = tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True)
class Curve:
    """The learning curves of one experiment, or the mean of those of several seeds.

    Attributes:
        name: Its name.
        epochs: Epochs from 1, ascending.
        accuracy: Validation accuracy after each, 0..1.
        loss: Validation loss after each, in nats.
        accuracy_band: The lowest and the highest accuracy of the seeds after each; None for one.
        loss_band: The same of the loss.
    """

    name: str
    epochs: Sequence[int]
    accuracy: Sequence[float]
    loss: Sequence[float]
    accuracy_band: Band | None = None
    loss_band: Band | None = None

    @classmethod
    def of(
        cls, name: str, accuracy: Sequence[Mapping[int, float]], loss: Sequence[Mapping[int, float]]
    ) -> Self:
        """Return the mean curve of several seeds' values by epoch; each epoch of those that ran."""
        epochs = sorted({epoch for each in accuracy for epoch in each})
        bands, means = [], []
        for figure in (accuracy, loss):
            values = [[each[epoch] for each in figure if epoch in each] for epoch in epochs]
            means.append([sum(each) / len(each) for each in values])
            bands.append((list(map(min, values)), list(map(max, values))))
        if len(accuracy) == 1:
            return cls(name, epochs, means[0], means[1])
        return cls(name, epochs, means[0], means[1], bands[0], bands[1])


@styled
def curves_together(curves: Sequence[Curve], note: str | None = None) -> Figure:
    """Show validation loss and accuracy by epoch of several experiments.

    Of several seeds, the curve is their mean and the band reaches from the lowest to the highest.

    Args:
        curves: The best first; it is drawn on top. From the eighth on they are grey.
        note: A warning shown above the curves.
    """
    named = curves[: len(_COLORS)]
    others = len(curves) - len(named)
    legend_height = (len(named) + bool(others)) * _LEGEND_LINE + 0.15
    banded = "lines: means over the seeds; bands: from the lowest to the highest"
    figure = new_chart(
        "Learning curves",
        3.9,
        subtitle=banded if any(curve.loss_band for curve in curves) else None,
        note=note,
        legend_height=legend_height,
    )
    loss, accuracy = figure.subplots(1, 2)
    for place, curve in reversed(list(enumerate(curves))):
        _draw(loss, curve, curve.loss, curve.loss_band, place)
        _draw(accuracy, curve, curve.accuracy, curve.accuracy_band, place, scale=100)
    for axes, what in ((loss, "validation loss (nats)"), (accuracy, "validation accuracy (%)")):
        axes.set(xlabel="epoch", ylabel=what)
        start_at_one(axes, max(curve.epochs[-1] for curve in curves))
    handles = accuracy.get_lines()[::-1][: len(named) + bool(others)]
    names = [shorten(curve.name, CONTENT_WIDTH - 0.6, LABEL_SIZE) for curve in named]
    if others:
        names.append(f"{others} more")
    legend_above_all(figure, handles, names, labelspacing=0.35)
    return figure


def _draw(
    axes: Axes, curve: Curve, values: Sequence[float], band: Band | None, place: int, scale: int = 1
) -> None:
    color = _COLORS[place] if place < len(_COLORS) else LIGHT_GREY
    if band:
        low, high = ([scale * value for value in edge] for edge in band)
        axes.fill_between(curve.epochs, low, high, color=color, alpha=0.2, linewidth=0)
    scaled = [scale * value for value in values]
    draw_epochs(axes, curve.epochs, scaled, color=color, markersize=4)
