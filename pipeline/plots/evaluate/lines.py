"""Figure of the evaluate stage: lines of digits, and what is read in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.plots.style.canvas import draw_picture, new_canvas
from pipeline.plots.style.look import INK, SMALL_SIZE, TEXT_SIZE, VERMILLION, styled
from pipeline.plots.style.page import CONTENT_WIDTH

_COLUMNS = 3
# In inches:
_GAP = 0.15
_CELL_WIDTH = (CONTENT_WIDTH - (_COLUMNS - 1) * _GAP) / _COLUMNS
_ANSWER_HEIGHT = 0.28
_TRUTH_HEIGHT = 0.24


@dataclass(frozen=True)
class LineItem:
    """A line and its reading.

    Attributes:
        image: uint8 (h, w), dark on light; all of one size.
        found: The middle of every digit found, in columns of the image, and the digit.
        digits: What it truly says.
    """

    image: NDArray[np.uint8]
    found: Sequence[tuple[float, str]]
    digits: str

    @property
    def right(self) -> bool:
        """Whether it was read without a mistake."""
        return "".join(digit for _, digit in self.found) == self.digits


@styled
def line_grid(items: Sequence[LineItem], title: str, note: str | None = None) -> Figure:
    """Show lines with what is read under each, and what it should be where that is wrong.

    Args:
        items: At least one line.
        title: What was trained.
        note: A warning shown above the lines.
    """
    height, width = items[0].image.shape
    picture_height = _CELL_WIDTH * height / width
    cell_height = picture_height + _ANSWER_HEIGHT + _TRUTH_HEIGHT
    lines = -(-len(items) // _COLUMNS)
    right = sum(item.right for item in items)
    figure, axes = new_canvas(
        title,
        lines * cell_height,
        subtitle=f"lines of validation digits: {len(items) - right} mistakes that the network was "
        f"surest of, and {right} read without a mistake",
        note=note,
    )
    for number, item in enumerate(items):
        line, column = divmod(number, _COLUMNS)
        left, top = column * (_CELL_WIDTH + _GAP), line * cell_height
        draw_picture(axes, item.image, (left, top, _CELL_WIDTH, picture_height))
        _write_reading(axes, item, left, top + picture_height)
    return figure


def _write_reading(axes: Axes, item: LineItem, left: float, top: float) -> None:
    scale = _CELL_WIDTH / item.image.shape[1]
    color = INK if item.right else VERMILLION
    for middle, digit in item.found:
        place = (left + middle * scale, top + _ANSWER_HEIGHT / 2)
        axes.text(*place, digit, size=TEXT_SIZE, color=color, ha="center", va="center")
    if not item.right:
        truth = f"is {item.digits or 'blank'}"
        axes.text(left, top + _ANSWER_HEIGHT, truth, size=SMALL_SIZE, color=color, va="top")
