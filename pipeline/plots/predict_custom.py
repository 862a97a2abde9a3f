"""Figure of the predict-custom stage: the pictures, what the network saw, its answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.digits.preprocessing.labels import same_number
from pipeline.plots.style.canvas import Box, Picture, draw_box, draw_picture, fit, new_canvas
from pipeline.plots.style.look import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LABEL_SIZE,
    LIGHT_GREY,
    NOTE_EDGE,
    NOTE_FILL,
    SMALL_SIZE,
    VERMILLION,
    styled,
)
from pipeline.plots.style.numbers import counted, short_confidence
from pipeline.plots.style.page import CONTENT_WIDTH
from pipeline.plots.style.text import shorten, wrap_at_most

_COLUMNS = 4
_DETAIL_SIZE = SMALL_SIZE - 1.5
_PLAIN_FILL, _WRONG_FILL = "#F6F6F6", "#FBE3D6"
# In inches:
_GAP = 0.12
_CELL_WIDTH = (CONTENT_WIDTH - (_COLUMNS - 1) * _GAP) / _COLUMNS
_PAD = 0.08
_PICTURE = (_CELL_WIDTH - 3 * _PAD) / 2
_ANSWER_HEIGHT = 0.36
_NAME_HEIGHT = 0.3
_DETAIL_HEIGHT = 0.36


@dataclass(frozen=True)
class DigitMark:
    """Where in a picture a digit was found.

    Attributes:
        box: (left, top, width, height) as shares of the picture's width and height.
        digit: The predicted digit.
        sure: Whether the prediction is reliable.
    """

    box: tuple[float, float, float, float]
    digit: int
    sure: bool


@dataclass(frozen=True)
class PredictionItem:
    """One picture and its answer.

    Attributes:
        file: Name of the file, shown below the picture.
        thumbnail: uint8 (h, w) or (h, w, 3), the original picture; None if it could not be read.
        seen: uint8 (28, 28), what the network saw; None if it saw nothing.
        digit: The answer: a digit, or the text of a number; None without an answer.
        confidence: Probability of the answer, 0..1.
        status: "ok" for a reliable answer; any other ("unsure", "error") is highlighted.
        detail: The reason for a status that is not "ok".
        label: The true label, if it is known.
        marks: The digits found in a number; None if a single digit was read.
    """

    file: str
    thumbnail: NDArray[np.uint8] | None
    seen: NDArray[np.uint8] | None
    digit: int | str | None
    confidence: float
    status: str
    detail: str
    label: str | None = None
    marks: Sequence[DigitMark] | None = None

    @property
    def right(self) -> bool:
        """Whether the answer is the known label."""
        return self.label is not None and same_number(self.digit, self.label)

    @property
    def wrong(self) -> bool:
        """Whether the answer differs from a known label; False without an answer."""
        return self.label is not None and self.digit is not None and not self.right


@dataclass(frozen=True)
class _Grid:
    """The layout of the cells.

    Attributes:
        columns: Cells per row.
        cell_width: In inches, as are the next two.
        picture_height: Height of the picture or pictures in a cell.
        label_width: Width reserved for the true label.
        answer_size: The answer's font size in points.
        legend: A description of what a cell shows.
    """

    columns: int
    cell_width: float
    picture_height: float
    label_width: float
    answer_size: float
    legend: str


_DIGITS = _Grid(
    _COLUMNS, _CELL_WIDTH, _PICTURE, 0.3, 20.0, "left: as given, right: what the network saw"
)
_NUMBERS = _Grid(
    2, (CONTENT_WIDTH - _GAP) / 2, 1.6, 0.95, 14.0, "a box and its reading for every digit"
)


@styled
def prediction_grid(
    items: Sequence[PredictionItem], note: str | None = None, *, total: int | None = None
) -> Figure:
    """Show each picture with its answer, beside what the network saw or with its digits marked.

    Args:
        items: The pictures in the order shown.
        note: A warning shown above the grid.
        total: Number of all pictures, if `items` are only the first of them; a line says how many
            are not shown.
    """
    grid = _NUMBERS if any(item.marks is not None for item in items) else _DIGITS
    rows = [items[start : start + grid.columns] for start in range(0, len(items), grid.columns)]
    heights = [_row_height(row, grid) for row in rows]
    more = 0 if total is None else total - len(items)
    height = sum(heights) + len(rows) * _GAP + (0.0 if items and not more else 0.3)
    figure, axes = new_canvas(
        "Predictions on custom pictures",
        height,
        subtitle=_summary(items, len(items) + more, grid),
        note=note,
    )
    top = 0.0
    for row, row_height in zip(rows, heights, strict=True):
        for column, item in enumerate(row):
            left = column * (grid.cell_width + _GAP)
            _draw_cell(axes, item, grid, (left, top, grid.cell_width, row_height))
        top += row_height + _GAP
    if more or not items:
        words = f"… and {counted(more, 'more picture')} not shown" if more else "No pictures."
        axes.text(0, height - 0.1, words, va="center")
    return figure


def _summary(items: Sequence[PredictionItem], total: int, grid: _Grid) -> str:
    words = [f"{counted(total, 'picture')}; {grid.legend}"]
    first = f"of the first {len(items):,}, " if len(items) < total else ""
    labelled = [item for item in items if item.label is not None]
    if labelled:
        right = sum(item.right for item in labelled)
        words.append(f"{first}{right:,} of {len(labelled):,} right")
    unsure = sum(item.status != "ok" for item in items)
    if unsure:
        words.append(f"{first}{unsure:,} unsure or unreadable (dashed)")
    return "; ".join(words)


def _row_height(row: Sequence[PredictionItem], grid: _Grid) -> float:
    plain = _ANSWER_HEIGHT + grid.picture_height + _NAME_HEIGHT
    return plain + (_DETAIL_HEIGHT if any(map(_reason, row)) else 0.0)


def _reason(item: PredictionItem) -> str:
    if item.status == "ok":
        return item.detail
    return f"{item.status}: {item.detail}" if item.detail else item.status


def _draw_cell(axes: Axes, item: PredictionItem, grid: _Grid, box: Box) -> None:
    left, top = box[:2]
    edge, fill = _cell_colors(item)
    doubtful = item.status != "ok"
    width = 2.0 if item.wrong or doubtful else 0.8
    draw_box(axes, box, edge, fill=fill, linewidth=width, dashed=doubtful)
    middle = top + _ANSWER_HEIGHT / 2
    if item.digit is None:
        axes.text(left + _PAD, middle, "no answer", weight="bold", size=LABEL_SIZE, va="center")
    else:
        _write_answer(axes, item, grid, left, middle)
    _write_verdict(axes, item, grid, left + grid.cell_width - _PAD, middle)
    _draw_pictures(axes, item, grid, left + _PAD, top + _ANSWER_HEIGHT)
    _write_caption(axes, item, grid, left + _PAD, top + _ANSWER_HEIGHT + grid.picture_height)


def _cell_colors(item: PredictionItem) -> tuple[str, str]:
    """Return the colours of a cell's edge and of its fill."""
    if item.wrong:
        return VERMILLION, _WRONG_FILL
    if item.status != "ok":
        return NOTE_EDGE, NOTE_FILL
    return LIGHT_GREY, _PLAIN_FILL


def _write_answer(
    axes: Axes, item: PredictionItem, grid: _Grid, left: float, middle: float
) -> None:
    """Write the answer, with a question mark if it is not reliable, and its confidence."""
    room = grid.cell_width / 2 - 0.45
    answer = shorten(str(item.digit), room, grid.answer_size, bold=True)
    axes.text(
        left + _PAD,
        middle,
        answer if item.status == "ok" else f"{answer}?",
        size=grid.answer_size,
        weight="bold",
        color=VERMILLION if item.wrong else INK,
        va="center",
    )
    centre = left + grid.cell_width / 2 - 0.1
    confidence = short_confidence(item.confidence)
    axes.text(centre, middle, confidence, size=LABEL_SIZE, ha="center", va="center")


def _write_verdict(
    axes: Axes, item: PredictionItem, grid: _Grid, right: float, middle: float
) -> None:
    """Write whether the answer is right, and the true label if not; nothing without a label."""
    if item.label is None:
        return
    label = shorten(item.label, grid.label_width, SMALL_SIZE)
    words, color = f"is {label}", GREY
    if item.right:
        words, color = "✓", GREEN
    elif item.wrong:
        words, color = f"✗ is {label}", VERMILLION
    axes.text(
        right, middle, words, size=LABEL_SIZE, weight="bold", color=color, ha="right", va="center"
    )


def _draw_pictures(axes: Axes, item: PredictionItem, grid: _Grid, left: float, top: float) -> None:
    if grid is _NUMBERS:
        place = (left, top, grid.cell_width - 2 * _PAD, grid.picture_height)
        _picture_or_gap(axes, item.thumbnail, place)
        _mark_digits(axes, item, place)
        return
    for column, picture in enumerate((item.thumbnail, item.seen)):
        _picture_or_gap(axes, picture, (left + column * (_PICTURE + _PAD), top, _PICTURE, _PICTURE))


def _mark_digits(axes: Axes, item: PredictionItem, place: Box) -> None:
    """Draw a box around every digit, and its reading above it but within the picture."""
    if item.thumbnail is None:
        return
    height, width = item.thumbnail.shape[:2]
    left, top, across, down = fit(width, height, place)
    for mark in item.marks or ():
        x, y, w, h = mark.box
        color = BLUE if mark.sure else VERMILLION
        box = (left + x * across, top + y * down, w * across, h * down)
        draw_box(axes, box, color, linewidth=1.0, dashed=not mark.sure, zorder=3)
        _write_mark(axes, str(mark.digit), color, box, highest=place[1])


def _write_mark(axes: Axes, reading: str, color: str, box: Box, highest: float) -> None:
    """Write a reading above its box, but at least `highest` inches below the canvas's top."""
    left, top, width, height = box
    size = min(max(0.45 * 72 * height, 5.0), SMALL_SIZE)
    axes.text(
        left + width / 2,
        max(top - 0.02, highest + size / 72),
        reading,
        size=size,
        weight="bold",
        color="white",
        ha="center",
        va="bottom",
        zorder=4,
        bbox={"facecolor": color, "edgecolor": "none", "pad": 0.6},
    )


def _picture_or_gap(axes: Axes, picture: Picture | None, place: Box) -> None:
    if picture is not None:
        draw_picture(axes, picture, place)
        return
    draw_box(axes, place, GREY, dashed=True)
    left, top, width, height = place
    axes.text(left + width / 2, top + height / 2, "none", color=GREY, ha="center", va="center")


def _write_caption(axes: Axes, item: PredictionItem, grid: _Grid, left: float, top: float) -> None:
    """Write the name of the file and, if there is one, the reason for the status."""
    width = grid.cell_width - 2 * _PAD
    name = shorten(item.file, width, _DETAIL_SIZE)
    axes.text(left, top + 0.06, name, size=_DETAIL_SIZE, color=GREY, va="top")
    reason = "\n".join(wrap_at_most(_reason(item), 2, width, _DETAIL_SIZE))
    axes.text(left, top + 0.25, reason, size=_DETAIL_SIZE, va="top", linespacing=1.1)
