"""Figures of the prepare stage: sample pictures, and the number of pictures per class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pipeline.plots.style.canvas import draw_picture, new_canvas
from pipeline.plots.style.chart import new_chart
from pipeline.plots.style.look import (
    GREY,
    INK,
    LABEL_SIZE,
    SKY,
    SMALL_SIZE,
    TEXT_SIZE,
    VERMILLION,
    styled,
)
from pipeline.plots.style.numbers import counted, thousands
from pipeline.plots.style.page import CONTENT_WIDTH
from pipeline.plots.style.text import clean, label_height, shorten, spread_labels, text_width

_NAME_SIZE = TEXT_SIZE + 1
_PAIRS_A_LINE = 3
_PAIR_GAP = 0.3  # inches between two pairs
_PAIR_HEADING = 0.28  # inches for the line above a pair
_COPY_CAPTION = 0.46  # inches for class and place under a picture
_FEW_CLASSES = 16  # with more, the pictures are smaller and rows hold twice as many


@styled
def sample_grid(
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    class_names: Sequence[str],
    note: str | None = None,
) -> Figure:
    """Show the first pictures of every class, one row per class.

    Args:
        images: uint8 (n, h, w), 0..255.
        labels: Integers (n,), indices into `class_names`.
        class_names: One name per class.
        note: A warning shown above the pictures.
    """
    names = [shorten(name, 1.5, _NAME_SIZE, bold=True) for name in class_names]
    gutter = max(text_width(name, _NAME_SIZE, bold=True) for name in names) + 0.2
    columns = 12 if len(names) <= _FEW_CLASSES else 24
    pitch = (CONTENT_WIDTH - gutter) / columns
    figure, axes = new_canvas(
        "Samples of the training data",
        pitch * len(names),
        subtitle=f"first {columns} pictures of each class, as the network gets them: "
        f"{images.shape[2]}×{images.shape[1]} pixels, light on dark",
        note=note,
    )
    for row, name in enumerate(names):
        axes.text(0, (row + 0.5) * pitch, name, size=_NAME_SIZE, weight="bold", va="center")
        strip = _side_by_side(images[np.flatnonzero(labels == row)[:columns]], columns)
        box = (gutter, row * pitch, columns * pitch, pitch * 0.97)
        draw_picture(axes, strip, box, frame="white")
    return figure


def _side_by_side(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Join a row's images into one, padded with white: a single `draw_picture` per row is fast."""
    _, height, width = images.shape
    strip = np.full((height, columns, width + 1), 255, np.uint8)
    strip[:, : len(images), :width] = images.transpose(1, 0, 2)
    return strip.reshape(height, -1)


@styled
def class_balance(
    counts: Mapping[str, Sequence[int]], class_names: Sequence[str], note: str | None = None
) -> Figure:
    """Show how many pictures of each class every split holds, one panel per split.

    Args:
        counts: For each split, by name, the number of pictures per class.
        class_names: One name per class, in the order of the counts.
        note: A warning shown above the panels.
    """
    total = sum(map(sum, counts.values()))
    slot = (CONTENT_WIDTH - 1.2) / len(class_names)
    labels, rotation = spread_labels(class_names, slot, LABEL_SIZE)
    horizontal = _counts_fit(counts, slot)
    figure = new_chart(
        "Pictures per class",
        (2.0 if horizontal else 2.5) * len(counts) + label_height(labels, rotation, LABEL_SIZE),
        subtitle=f"{counted(total, 'picture')} in all; dashed: the mean per class",
        note=note,
    )
    panels = figure.subplots(len(counts), 1, squeeze=False)[:, 0]
    for axes, (split, per_class) in zip(panels, counts.items(), strict=True):
        axes.set_title(f"{clean(split)}: {counted(sum(per_class), 'picture')}", loc="left")
        _draw_bars(axes, per_class)
        _write_counts(axes, per_class, horizontal)
        axes.set_xticks(range(len(labels)), labels, rotation=rotation)
        axes.tick_params(labelbottom=axes is panels[-1])
    panels[-1].set_xlabel("class")
    return figure


def _counts_fit(counts: Mapping[str, Sequence[int]], slot: float) -> bool:
    """Return whether every count fits above its bar without rotation."""
    every = [count for split in counts.values() for count in split]
    return all(text_width(f"{count:,}", SMALL_SIZE) < 0.9 * slot for count in every)


def _draw_bars(axes: Axes, per_class: Sequence[int]) -> None:
    axes.bar(range(len(per_class)), per_class, color=SKY, width=0.8)
    axes.axhline(sum(per_class) / len(per_class), color=INK, linestyle="--", linewidth=1.2)
    axes.grid(visible=False, axis="x")
    axes.set_ylabel("pictures")
    axes.set_xlim(-0.6, len(per_class) - 0.4)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    axes.yaxis.set_major_formatter(thousands)


def _write_counts(axes: Axes, per_class: Sequence[int], horizontal: bool) -> None:
    top = max(*per_class, 1)
    axes.set_ylim(0, top * (1.3 if horizontal else 1.6))
    for position, count in enumerate(per_class):
        axes.text(
            position,
            count + top * 0.06,
            f"{count:,}",
            size=SMALL_SIZE if horizontal else SMALL_SIZE - 2,
            ha="center",
            va="bottom",
            rotation=0 if horizontal else 90,
            # White behind the number, where the dashed line runs through it.
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
            gid="count",
        )


@dataclass(frozen=True)
class Copy:
    """One of two pictures that are equal, or nearly so.

    Attributes:
        image: uint8 (h, w).
        label: Its class.
        place: Where it is, in words.
    """

    image: NDArray[np.uint8]
    label: int
    place: str


@styled
def duplicate_grid(
    pairs: Sequence[tuple[Copy, Copy, float]],
    total: int,
    class_names: Sequence[str],
    note: str | None = None,
) -> Figure:
    """Show pictures that occur twice side by side.

    Args:
        pairs: Both pictures and their distance, 0 for equal ones.
        total: How many there are in all.
        class_names: One name per class.
        note: A warning shown above the pictures.
    """
    title = "Pictures that occur twice"
    if not pairs:
        figure, axes = new_canvas(title, 1.0, note=note)
        axes.text(0, 0.4, "None was found.", va="center")
        return figure
    width = (CONTENT_WIDTH - _PAIR_GAP * (_PAIRS_A_LINE - 1)) / _PAIRS_A_LINE
    height = _PAIR_HEADING + width / 2 + _COPY_CAPTION + 0.1
    which = f"{len(pairs)} of {counted(total, 'pair')}" if total > len(pairs) else "all pairs"
    figure, axes = new_canvas(
        title,
        -(-len(pairs) // _PAIRS_A_LINE) * height,
        subtitle=f"{which}; red: equal or nearly equal pictures with two labels",
        note=note,
    )
    for number, (*copies, distance) in enumerate(pairs):
        line, column = divmod(number, _PAIRS_A_LINE)
        left, top = column * (width + _PAIR_GAP), line * height
        color = INK if copies[0].label == copies[1].label else VERMILLION
        heading = f"distance {distance:.3f}" if distance else "equal"
        axes.text(left, top + 0.13, heading, size=SMALL_SIZE, color=color, va="center")
        for side, copy in enumerate(copies):
            place = left + side * width / 2, top + _PAIR_HEADING
            _draw_copy(axes, copy, class_names[copy.label], place, width / 2 - 0.06, color)
    return figure


def _draw_copy(
    axes: Axes, copy: Copy, name: str, place: tuple[float, float], width: float, color: str
) -> None:
    left, top = place
    draw_picture(axes, copy.image, (left, top, width, width))
    label = shorten(name, width, TEXT_SIZE, bold=True)
    below = top + width
    axes.text(left, below + 0.14, label, size=TEXT_SIZE, weight="bold", color=color, va="center")
    where = shorten(copy.place, width, SMALL_SIZE)
    axes.text(left, below + 0.34, where, size=SMALL_SIZE, color=GREY, va="center")
