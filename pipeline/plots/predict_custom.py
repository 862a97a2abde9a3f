"""Figures of the predict-custom stage: people's pictures, what the network saw, its answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.digits.preprocessing.labels import same_number
from pipeline.plots.style import look, page, text


@dataclass(frozen=True)
class DigitMark:
    """Where in a picture a digit was found.

    Attributes:
        box: (left, top, width, height) as shares of the picture's width and height.
        digit: What it reads.
        sure: Whether one may rely on it.
    """

    box: tuple[float, float, float, float]
    digit: int
    sure: bool


@dataclass(frozen=True)
class PredictionItem:
    """One picture and its answer.

    Attributes:
        file: Name of the file, shown below the picture.
        thumbnail: uint8 (h, w) or (h, w, 3), the picture as given; None if it could not be read.
        seen: uint8 (28, 28), what the network saw; None if it saw nothing.
        digit: The answer, None if there is none; of a picture that holds a number, its text.
        confidence: Probability of the answer, 0..1.
        status: "ok" for an answer one may rely on, anything else ("unsure", "error") is marked.
        detail: The reason of a status that is not "ok".
        label: The right answer, when it is known.
        marks: The digits of a picture that holds a number; None if one digit was looked for.
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
        """Whether the answer differs from a known label; no answer is not a wrong one."""
        return self.label is not None and self.digit is not None and not self.right


_COLUMNS = 4
_GAP = 0.12
_CELL_WIDTH = (look.CONTENT_WIDTH - (_COLUMNS - 1) * _GAP) / _COLUMNS
_PAD = 0.08
_PICTURE = (_CELL_WIDTH - 3 * _PAD) / 2
_ANSWER_HEIGHT = 0.36
_DETAIL_SIZE = look.SMALL_SIZE - 1.5
_DETAIL_HEIGHT = 0.36


@dataclass(frozen=True)
class _Grid:
    """Cells in a row, their sizes in inches, the answer's font size, and what the cells show."""

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
    2, (look.CONTENT_WIDTH - _GAP) / 2, 1.6, 0.95, 14.0, "a box and its reading for every digit"
)


@look.styled
def prediction_grid(
    items: Sequence[PredictionItem], note: str | None = None, *, total: int | None = None
) -> Figure:
    """Show each picture with its answer: beside what the network saw, or with its digits marked.

    Args:
        items: The pictures in the order shown.
        note: A warning shown above the grid.
        total: Number of pictures, when `items` are only the first of them; a line says how many
            more there are.
    """
    grid = _NUMBERS if any(item.marks is not None for item in items) else _DIGITS
    rows = [items[start : start + grid.columns] for start in range(0, len(items), grid.columns)]
    heights = [_row_height(row, grid) for row in rows]
    more = 0 if total is None else total - len(items)
    height = sum(heights) + len(rows) * _GAP + (0.0 if items and not more else 0.3)
    figure, axes = page.new_canvas(
        "Predictions on custom pictures",
        height,
        subtitle=_summary(items, len(items) + more, grid),
        note=note,
    )
    top = 0.0
    for row, row_height in zip(rows, heights, strict=True):
        for column, item in enumerate(row):
            left = column * (grid.cell_width + _GAP)
            _cell(axes, item, grid, (left, top, grid.cell_width, row_height))
        top += row_height + _GAP
    if more or not items:
        words = f"… and {more:,} more pictures not shown" if more else "No pictures."
        axes.text(0, height - 0.1, words, va="center")
    return figure


def _summary(items: Sequence[PredictionItem], total: int, grid: _Grid) -> str:
    pictures = "1 picture" if total == 1 else f"{total:,} pictures"
    words = [f"{pictures}; {grid.legend}"]
    first = f"of the first {len(items):,}, " if len(items) < total else ""
    labelled = [item for item in items if item.label is not None]
    if labelled:
        right = sum(item.right for item in labelled)
        words.append(f"{first}{right:,} of {len(labelled):,} right")
    unsure = sum(item.status != "ok" for item in items)
    if unsure:
        words.append(f"{first}{unsure:,} unsure or unreadable (dashed)")
    return "; ".join(words)


def _look(item: PredictionItem) -> tuple[str, str]:
    """Return the colours (line, fill) of an item's cell."""
    if item.wrong:
        return look.VERMILLION, "#FBE3D6"
    if item.status != "ok":
        return look.NOTE_EDGE, look.NOTE_FILL
    return "#BBBBBB", "#F6F6F6"


def _row_height(row: Sequence[PredictionItem], grid: _Grid) -> float:
    plain = _ANSWER_HEIGHT + grid.picture_height + 0.3
    return plain + (_DETAIL_HEIGHT if any(map(_reason, row)) else 0.0)


def _reason(item: PredictionItem) -> str:
    if item.status == "ok":
        return item.detail
    return f"{item.status}: {item.detail}" if item.detail else item.status


def _cell(
    axes: Axes, item: PredictionItem, grid: _Grid, box: tuple[float, float, float, float]
) -> None:
    left, top = box[:2]
    line, fill = _look(item)
    special = item.wrong or item.status != "ok"
    page.draw_box(
        axes, box, line, fill=fill, linewidth=2.0 if special else 0.8, dashed=item.status != "ok"
    )
    _answer(axes, item, grid, left, top + _ANSWER_HEIGHT / 2)
    _pictures(axes, item, grid, left + _PAD, top + _ANSWER_HEIGHT)
    _captions(axes, item, grid, left + _PAD, top + _ANSWER_HEIGHT + grid.picture_height)


def _pictures(axes: Axes, item: PredictionItem, grid: _Grid, left: float, top: float) -> None:
    if grid is _NUMBERS:
        place = (left, top, grid.cell_width - 2 * _PAD, grid.picture_height)
        _picture_or_gap(axes, item.thumbnail, place)
        _mark_digits(axes, item, place)
        return
    for column, picture in enumerate((item.thumbnail, item.seen)):
        _picture_or_gap(axes, picture, (left + column * (_PICTURE + _PAD), top, _PICTURE, _PICTURE))


def _mark_digits(
    axes: Axes, item: PredictionItem, place: tuple[float, float, float, float]
) -> None:
    """Draw a box around every digit and its reading above it, inside the picture where it can."""
    if item.thumbnail is None:
        return
    height, width = item.thumbnail.shape[:2]
    scale = min(place[2] / width, place[3] / height)
    across, down = width * scale, height * scale
    left, top = place[0] + (place[2] - across) / 2, place[1] + (place[3] - down) / 2
    for mark in item.marks or ():
        x, y, w, h = mark.box
        color = look.BLUE if mark.sure else look.VERMILLION
        box = (left + x * across, top + y * down, w * across, h * down)
        page.draw_box(axes, box, color, linewidth=1.0, dashed=not mark.sure, zorder=3)
        size = min(max(0.45 * 72 * h * down, 5.0), look.SMALL_SIZE)
        axes.text(
            box[0] + box[2] / 2,
            max(box[1] - 0.02, place[1] + size / 72),
            str(mark.digit),
            size=size,
            weight="bold",
            color="white",
            ha="center",
            va="bottom",
            zorder=4,
            bbox={"facecolor": color, "edgecolor": "none", "pad": 0.6},
        )


def _answer(axes: Axes, item: PredictionItem, grid: _Grid, left: float, middle: float) -> None:
    """Write the answer, its confidence and, where the label is known, whether it is right."""
    size = look.SMALL_SIZE + 1
    if item.digit is None:
        axes.text(left + _PAD, middle, "no answer", weight="bold", size=size, va="center")
    else:
        room = grid.cell_width / 2 - 0.45
        answer = text.shorten(str(item.digit), room, grid.answer_size, bold=True)
        axes.text(
            left + _PAD,
            middle,
            f"{answer}{'' if item.status == 'ok' else '?'}",
            size=grid.answer_size,
            weight="bold",
            color=look.VERMILLION if item.wrong else look.INK,
            va="center",
        )
        percent = f"{int(item.confidence * 100)} %"  # rounded down: 99.6 % is not 100 %
        centre = left + grid.cell_width / 2 - 0.1
        axes.text(centre, middle, percent, size=size, ha="center", va="center")
    mark, color = _verdict(item, grid)
    right = left + grid.cell_width - _PAD
    axes.text(right, middle, mark, size=size, weight="bold", color=color, ha="right", va="center")


def _verdict(item: PredictionItem, grid: _Grid) -> tuple[str, str]:
    if item.label is None:
        return "", look.INK
    if item.right:
        return "✓", look.GREEN
    label = text.shorten(item.label, grid.label_width, look.SMALL_SIZE)
    return (f"✗ is {label}", look.VERMILLION) if item.wrong else (f"is {label}", look.GREY)


def _picture_or_gap(
    axes: Axes, picture: NDArray[np.uint8] | None, place: tuple[float, float, float, float]
) -> None:
    if picture is not None:
        page.draw_picture(axes, picture, place)
        return
    page.draw_box(axes, place, look.GREY, dashed=True)
    left, top, width, height = place
    axes.text(left + width / 2, top + height / 2, "none", color=look.GREY, ha="center", va="center")


def _captions(axes: Axes, item: PredictionItem, grid: _Grid, left: float, top: float) -> None:
    width = grid.cell_width - 2 * _PAD
    name = text.shorten(item.file, width, _DETAIL_SIZE)
    axes.text(left, top + 0.06, name, size=_DETAIL_SIZE, color=look.GREY, va="top")
    lines = text.wrap_at_most(_reason(item), 2, width, _DETAIL_SIZE)
    axes.text(left, top + 0.25, "\n".join(lines), size=_DETAIL_SIZE, va="top", linespacing=1.1)


@look.styled
def explain_strip(steps: Sequence[tuple[str, page.Picture]], title: str) -> Figure:
    """Show how a picture becomes what the network sees, step by step, from left to right.

    Args:
        steps: Name of each step and the picture after it, of any size and of the kinds that
            `page.Picture` lists. At least one.
        title: Usually the name of the file.
    """
    columns = -(-len(steps) // -(-len(steps) // 5))  # rows of much the same length, up to 5
    pitch = look.CONTENT_WIDTH / max(columns, 4)
    width = pitch - 0.14
    names = [
        text.wrap_at_most(f"{place + 1}. {name}", 3, width, look.SMALL_SIZE)
        for place, (name, _) in enumerate(steps)
    ]
    label_height = max(map(len, names)) * 0.2 + 0.05
    row_height = label_height + pitch + 0.1
    figure, axes = page.new_canvas(title, -(-len(steps) // columns) * row_height)
    for place, (_, picture) in enumerate(steps):
        left, top = place % columns * pitch, place // columns * row_height + label_height
        axes.text(
            left + width / 2,
            top - 0.06,
            "\n".join(names[place]),
            size=look.SMALL_SIZE,
            ha="center",
            va="bottom",
            linespacing=1.1,
        )
        page.draw_picture(axes, picture, (left, top, width, width))
    return figure
