"""How well corrupted pictures are read, one bar for each kind of corruption."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.plots.style.canvas import draw_box, draw_picture, new_canvas
from pipeline.plots.style.look import BLUE, GREY, LABEL_SIZE, PALE, TEXT_SIZE, styled
from pipeline.plots.style.numbers import percent
from pipeline.plots.style.page import CONTENT_WIDTH

# In inches:
_ROW = 0.5
_PICTURE = 0.44
_NAME = 1.6
_NUMBER = 0.8
_BAR_LEFT = _PICTURE + 0.15 + _NAME
_BAR_WIDTH = CONTENT_WIDTH - _BAR_LEFT - _NUMBER


@dataclass(frozen=True)
class Corrupted:
    """A kind of corruption.

    Attributes:
        name: Such as "shot noise".
        example: A picture that is so corrupted, uint8 (h, w).
        accuracy: Share of such pictures read right, 0..1.
    """

    name: str
    example: NDArray[np.uint8]
    accuracy: float


@styled
def corruption_bars(
    kinds: Sequence[Corrupted],
    pictures: int,
    standard_error: float,
    clean: Corrupted,
    note: str | None = None,
) -> Figure:
    """Show the accuracy on corrupted pictures, the best kind first, with an example of each.

    Args:
        kinds: At least one kind.
        pictures: How many pictures of each kind were read.
        standard_error: Of the mean over the kinds, 0..1.
        clean: The same for pictures as they are; it comes first.
        note: A warning shown above the bars.
    """
    rows = [clean, *sorted(kinds, key=lambda kind: -kind.accuracy)]
    mean = sum(kind.accuracy for kind in kinds) / len(kinds)
    figure, axes = new_canvas(
        "Corrupted pictures",
        len(rows) * _ROW,
        subtitle=f"{percent(mean, 1)} read right on average over {len(kinds)} kinds, "
        f"standard error {percent(standard_error, 1)}; {pictures:,} test pictures of each kind, "
        "in the style of MNIST-C",
        note=note,
    )
    for number, row in enumerate(rows):
        _draw_row(axes, row, number * _ROW, GREY if row is clean else BLUE)
    return figure


def _draw_row(axes: Axes, row: Corrupted, top: float, color: str) -> None:
    draw_picture(axes, row.example, (0, top, _PICTURE, _PICTURE))
    middle, height = top + _PICTURE / 2, 0.26
    axes.text(_PICTURE + 0.15, middle, row.name, size=TEXT_SIZE, va="center")
    for width, fill in ((_BAR_WIDTH, PALE), (_BAR_WIDTH * row.accuracy, color)):
        draw_box(axes, (_BAR_LEFT, middle - height / 2, width, height), "none", fill=fill)
    number = percent(row.accuracy, 1)
    axes.text(CONTENT_WIDTH, middle, number, size=LABEL_SIZE, ha="right", va="center")
