"""Figures of the prepare stage: what the data looks like, and how many there are of each class."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pipeline.plots.style import look, page, text


@look.styled
def sample_grid(
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    class_names: Sequence[str],
    note: str | None = None,
) -> Figure:
    """Show the first pictures of every class, one row a class.

    Args:
        images: uint8 (n, h, w), 0..255.
        labels: Integers (n,), indices into `class_names`.
        class_names: One name per class.
        note: A warning shown above the pictures.
    """
    name_size = look.TEXT_SIZE + 1
    names = [text.shorten(name, 1.5, name_size, bold=True) for name in class_names]
    gutter = max(text.text_width(name, name_size, bold=True) for name in names) + 0.2
    columns = 12 if len(names) <= 16 else 24
    pitch = (look.CONTENT_WIDTH - gutter) / columns
    figure, axes = page.new_canvas(
        "Samples of the training data",
        pitch * len(names),
        subtitle=f"first {columns} pictures of each class, as the network gets them: "
        f"{images.shape[2]}×{images.shape[1]} pixels, light on dark",
        note=note,
    )
    for row, name in enumerate(names):
        axes.text(0, (row + 0.5) * pitch, name, size=name_size, weight="bold", va="center")
        strip = _side_by_side(images[np.flatnonzero(labels == row)[:columns]], columns)
        box = (gutter, row * pitch, columns * pitch, pitch * 0.97)
        page.draw_picture(axes, strip, box, frame="white")
    return figure


def _side_by_side(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Return one picture, white where there is no image (one `draw_picture` a row is fast)."""
    _, height, width = images.shape
    strip = np.full((height, columns, width + 1), 255, np.uint8)
    strip[:, : len(images), :width] = images.transpose(1, 0, 2)
    return strip.reshape(height, -1)


@look.styled
def class_balance(
    counts: Mapping[str, Sequence[int]], class_names: Sequence[str], note: str | None = None
) -> Figure:
    """Show how many pictures of each class every split holds, one panel a split.

    Args:
        counts: For each split, by name, the number of pictures per class.
        class_names: One name per class, in the order of the counts.
        note: A warning shown above the panels.
    """
    total = sum(sum(split) for split in counts.values())
    slot = (look.CONTENT_WIDTH - 1.2) / len(class_names)
    labels, rotation = text.spread_labels(class_names, slot, look.SMALL_SIZE + 1)
    label_height = text.highest(labels, rotation, look.SMALL_SIZE + 1)
    upright = all(
        text.text_width(f"{count:,}", look.SMALL_SIZE) < 0.9 * slot
        for split in counts.values()
        for count in split
    )
    figure = page.new_chart(
        "Pictures per class",
        (2.0 if upright else 2.5) * len(counts) + label_height,
        subtitle=f"{total:,} pictures in all; dashed: what an even share would be",
        note=note,
    )
    panels = figure.subplots(len(counts), 1, squeeze=False)[:, 0]
    for axes, (split, per_class) in zip(panels, counts.items(), strict=True):
        _balance_panel(axes, split, per_class, upright)
        axes.set_xticks(range(len(labels)), labels, rotation=rotation)
        axes.tick_params(labelbottom=axes is panels[-1])
    panels[-1].set_xlabel("class")
    return figure


def _balance_panel(axes: Axes, split: str, per_class: Sequence[int], upright: bool) -> None:
    axes.bar(range(len(per_class)), per_class, color=look.SKY, width=0.8)
    axes.axhline(sum(per_class) / len(per_class), color=look.INK, linestyle="--", linewidth=1.2)
    axes.set_title(f"{text.clean(split)}: {sum(per_class):,} pictures", loc="left")
    axes.grid(visible=False, axis="x")
    axes.set_ylabel("pictures")
    axes.set_xlim(-0.6, len(per_class) - 0.4)
    top = max(*per_class, 1)
    axes.set_ylim(0, top * (1.3 if upright else 1.6))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    for position, count in enumerate(per_class):
        axes.text(
            position,
            count + top * 0.06,
            f"{count:,}",
            size=look.SMALL_SIZE if upright else look.SMALL_SIZE - 2,
            ha="center",
            va="bottom",
            rotation=0 if upright else 90,
            # White behind the number, where the dashed line runs through it.
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
            gid="count",
        )
