"""The confusion matrix."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from pipeline.plots.style.canvas import new_canvas
from pipeline.plots.style.look import INK, TEXT_SIZE, styled
from pipeline.plots.style.numbers import percent
from pipeline.plots.style.page import CONTENT_WIDTH, DPI
from pipeline.plots.style.text import shorten, text_width

_RIGHT_FILL = "#D8D8D8"
_CELL_EDGE = "#CCCCCC"
_WIDEST_CELL = 1.6  # inches
_DARK = 0.25  # luminance below which white is easier to read than ink
LOW_HEIGHT = 90
"""Height of the low matrix in pixels: MLflow shows 100 of a description."""
_LOW_CELL = 0.22  # inches wide at most
_LOW_GUTTER = 0.75  # inches at most
_LOW_DPI = 100
_MANY_CLASSES = 16  # with more, the numbers are so small that they need more pixels


@styled
def confusion_matrix(
    matrix: NDArray[np.integer], class_names: Sequence[str], note: str | None = None
) -> Figure:
    """Show the confusion matrix, coloured by the mistakes only.

    A colour scale for the whole matrix would show only the diagonal, with 98 % of the pictures.

    Args:
        matrix: Integers (k, k); `matrix[t, p]` pictures of class t were read as class p.
        class_names: k names.
        note: A warning shown above the matrix.
    """
    k = len(class_names)
    size = min(TEXT_SIZE, 0.62 * CONTENT_WIDTH / k * 72)
    names = [shorten(name, 1.2, size) for name in class_names]
    gutter = max(text_width(name, size) for name in names) + 0.45
    cell = min((CONTENT_WIDTH - gutter) / k, _WIDEST_CELL)
    rotation = 0 if all(text_width(name, size) < cell * 0.9 for name in names) else 90
    foot = gutter if rotation else 0.6
    figure, axes = new_canvas(
        "Confusion matrix",
        k * cell + foot,
        subtitle=_summary(matrix, class_names),
        note=note,
        dpi=DPI if k <= _MANY_CLASSES else 2 * DPI,
    )
    _draw_cells(axes, matrix, gutter, cell)
    for i, name in enumerate(names):
        middle, below = (i + 0.5) * cell, k * cell + 0.08
        axes.text(gutter - 0.08, middle, name, size=size, ha="right", va="center")
        axes.text(gutter + middle, below, name, size=size, ha="center", va="top", rotation=rotation)
    middle = k * cell / 2
    axes.text(0.1, middle, "true class", rotation=90, ha="center", va="center", weight="bold")
    axes.text(gutter + middle, k * cell + foot, "read as", ha="center", va="bottom", weight="bold")
    return figure


@styled
def low_confusion_matrix(matrix: NDArray[np.integer], class_names: Sequence[str]) -> Figure:
    """Show the confusion matrix alone, LOW_HEIGHT pixels high, to stand beside a page's numbers.

    The classes that were read stand across, in the order of the true ones, which have names.

    Args:
        matrix: As in `confusion_matrix`.
        class_names: As in `confusion_matrix`.
    """
    k = len(class_names)
    down = LOW_HEIGHT / _LOW_DPI / k
    size = down * 72 * 0.88
    across = max(down, min(_LOW_CELL, 2.5 / k))
    names = [shorten(name, _LOW_GUTTER, size) for name in class_names]
    gutter = max(text_width(name, size) for name in names) + 0.1
    width = gutter + k * across + 0.02
    figure = Figure(figsize=(width, LOW_HEIGHT / _LOW_DPI), dpi=_LOW_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(down * k, 0))
    axes.set_axis_off()
    for i, name in enumerate(names):
        middle = (i + 0.5) * down
        axes.text(gutter - 0.05, middle, name, size=size, ha="right", va="center_baseline")
    fills = _fills(matrix)
    for (true, read), count in np.ndenumerate(matrix):
        x, y, fill = gutter + read * across, true * down, fills[true][read]
        axes.add_patch(
            Rectangle((x, y), across, down, facecolor=fill, edgecolor=_CELL_EDGE, linewidth=0.4)
        )
        if count:
            color = "white" if _luminance(fill) < _DARK else INK
            place = (x + across / 2, y + down / 2, f"{count}")
            axes.text(*place, size=size, color=color, ha="center", va="center_baseline")
    return figure


def _summary(matrix: NDArray[np.integer], class_names: Sequence[str]) -> str:
    """Return sentences on how many are right and on the most frequent mistake."""
    total, right = int(matrix.sum()), int(np.trace(matrix))
    if total == 0:
        return "no pictures"
    words = f"{right:,} of {total:,} right ({percent(right / total)}), on grey."
    if right == total:
        return f"{words} No mistakes."
    wrong = _mistakes(matrix)
    true, read = divmod(int(wrong.argmax()), len(matrix))
    return (
        f"{words} {total - right:,} wrong, in colour, most often "
        f"{class_names[true]} read as {class_names[read]} ({wrong[true, read]:,})."
    )


def _mistakes(matrix: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return the matrix with zeros on the diagonal."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    return wrong


def _draw_cells(axes: Axes, matrix: NDArray[np.integer], left: float, cell: float) -> None:
    """Draw the matrix with its numbers, in cells of `cell` inches."""
    widest = max(text_width(f"{count}", 10.0) for count in matrix.flat) / 10
    size = min(16.0, cell * 0.86 / widest, cell * 72 * 0.6)
    fills = _fills(matrix)
    for (true, read), count in np.ndenumerate(matrix):
        x, y, fill = left + read * cell, true * cell, fills[true][read]
        square = Rectangle(
            (x, y), cell, cell, facecolor=fill, edgecolor=_CELL_EDGE, linewidth=0.6, clip_on=False
        )
        axes.add_patch(square)
        if count or true == read:
            axes.text(
                x + cell / 2,
                y + cell / 2,
                f"{count}",
                size=size,
                color="white" if _luminance(fill) < _DARK else INK,
                weight="normal" if true == read else "bold",
                ha="center",
                va="center_baseline",
                gid="count",
            )


def _fills(matrix: NDArray[np.integer]) -> list[list[tuple[float, ...]]]:
    """Return the colour of every cell: grey on the diagonal, else darker the more mistakes."""
    wrong = _mistakes(matrix)
    oranges = LinearSegmentedColormap.from_list(
        "mistakes", colormaps["YlOrBr"](np.linspace(0.12, 1, 64))
    )
    fills = [
        [oranges(count / max(1, wrong.max())) if count else to_rgba("white") for count in row]
        for row in wrong
    ]
    for i in range(len(matrix)):
        fills[i][i] = to_rgba(_RIGHT_FILL)
    return fills


def _luminance(color: tuple[float, ...]) -> float:
    """Return the relative luminance of an sRGB colour as WCAG 2 defines it, 0..1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
