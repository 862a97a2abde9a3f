"""Figure of the evaluate stage: rows of touching digits, and what is read in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.plots.style import look, page

COLUMNS = 3
GAP = 0.15  # inches
CELL_WIDTH = (look.CONTENT_WIDTH - (COLUMNS - 1) * GAP) / COLUMNS
ANSWER_HEIGHT = 0.28
TRUTH_HEIGHT = 0.24


@dataclass(frozen=True)
class RowItem:
    """A row and its reading.

    Attributes:
        image: uint8 (h, w), light on dark; all of one size.
        found: The middle of every digit found, in columns of the image, and the digit.
        digits: What it truly says.
    """

    image: NDArray[np.uint8]
    found: Sequence[tuple[float, int]]
    digits: Sequence[int]

    @property
    def right(self) -> bool:
        """Whether it was read without a mistake."""
        return [digit for _, digit in self.found] == list(self.digits)


@look.styled
def row_grid(items: Sequence[RowItem], title: str, note: str | None = None) -> Figure:
    """Show rows with what is read under each, and what it should be where that is wrong.

    Args:
        items: At least one row.
        title: What was trained.
        note: A warning shown above the rows.
    """
    height, width = items[0].image.shape
    picture = CELL_WIDTH * height / width
    cell = picture + ANSWER_HEIGHT + TRUTH_HEIGHT
    lines = -(-len(items) // COLUMNS)
    right = sum(item.right for item in items)
    figure, axes = page.new_canvas(
        title,
        lines * cell,
        subtitle=f"rows of validation digits, {right} of {len(items)} read without a mistake",
        note=note,
    )
    for number, item in enumerate(items):
        line, column = divmod(number, COLUMNS)
        left, top = column * (CELL_WIDTH + GAP), line * cell
        page.draw_picture(axes, item.image, (left, top, CELL_WIDTH, picture))
        _write(axes, item, left, top + picture)
    return figure


def _write(axes: Axes, item: RowItem, left: float, top: float) -> None:
    scale = CELL_WIDTH / item.image.shape[1]
    color = look.INK if item.right else look.VERMILLION
    for middle, digit in item.found:
        place = (left + middle * scale, top + ANSWER_HEIGHT / 2)
        axes.text(*place, str(digit), size=look.TEXT_SIZE, color=color, ha="center", va="center")
    if not item.right:
        truth = "is " + "".join(map(str, item.digits))
        axes.text(left, top + ANSWER_HEIGHT, truth, size=look.SMALL_SIZE, color=color, va="top")
