"""Precision and recall of each class."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.plots.style.chart import legend_above, new_chart
from pipeline.plots.style.look import BLUE, LABEL_SIZE, LIGHT_GREY, VERMILLION, styled
from pipeline.plots.style.page import CONTENT_WIDTH
from pipeline.plots.style.text import label_height, spread_labels


@styled
def class_scores(
    precision: NDArray[np.floating],
    recall: NDArray[np.floating],
    class_names: Sequence[str],
    note: str | None = None,
) -> Figure:
    """Show precision and recall of every class.

    Args:
        precision: (k,), 0..1: of the pictures read as this class, the share that is of it.
        recall: (k,), 0..1: of the pictures of this class, the share read as it.
        class_names: k names.
        note: A warning shown above the chart.
    """
    slot = (CONTENT_WIDTH - 1.2) / len(class_names)
    labels, rotation = spread_labels(class_names, slot, LABEL_SIZE)
    figure = new_chart(
        "Precision and recall of each class",
        3.4 + label_height(labels, rotation, LABEL_SIZE),
        subtitle="precision: of the pictures read as this class, how many are; "
        "recall: of the pictures of this class, how many were read as it",
        note=note,
    )
    axes = figure.subplots()
    positions = np.arange(len(class_names))
    p, r = np.asarray(precision) * 100, np.asarray(recall) * 100
    axes.vlines(positions, np.minimum(p, r), np.maximum(p, r), color=LIGHT_GREY, linewidth=3)
    axes.plot(positions, p, "o", color=BLUE, markersize=10, label="precision")
    axes.plot(positions, r, "D", color=VERMILLION, markersize=8, label="recall")
    axes.set_xticks(positions, labels, rotation=rotation)
    axes.set_xlim(-0.6, len(class_names) - 0.4)
    axes.set(xlabel="class", ylabel="%")
    legend_above(axes, columns=2)
    return figure
