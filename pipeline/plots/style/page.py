"""The one look of every figure: page, header, fonts, colours, and how a figure becomes a file.

Every page is `PAGE_WIDTH` inches wide whatever it shows, so a font of a given size is equally
readable on all of them, at full size and as a thumbnail; what needs more room grows downwards.
Figures are built on `matplotlib.figure.Figure`, never on pyplot, whose import is slow and whose
list of figures is global.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pipeline.plots.style.look import (
    CONTENT_WIDTH,
    DPI,
    FEW_EPOCHS,
    GREY,
    INK,
    LINE,
    MARGIN,
    NOTE_EDGE,
    NOTE_FILL,
    PAGE_WIDTH,
    TEXT_SIZE,
    TITLE_SIZE,
    styled,
)
from pipeline.plots.style.text import wrap
from pipeline.system.files import replace_when_written

Picture: TypeAlias = NDArray[Any]

"""Pixels of shape (h, w), (h, w, 3) or (h, w, 4): uint8 0..255, bool, or any float range."""


def _header_lines(
    title: str, subtitle: str | None, note: str | None
) -> list[tuple[str, str, float, float]]:
    """Return (kind, lines, font size, height in inches) of each part of the header."""
    parts = [
        ("title", title, TITLE_SIZE),
        ("subtitle", subtitle, TEXT_SIZE),
        ("note", note, TEXT_SIZE),
    ]
    header = []
    for kind, text, size in parts:
        if text:
            inset = 0.3 if kind == "note" else 0.0
            lines = wrap(text, CONTENT_WIDTH - inset, size, bold=kind != "subtitle")
            header.append((kind, "\n".join(lines), size, len(lines) * size * LINE + inset))
    return header


@styled
def new_page(
    title: str,
    body_height: float,
    *,
    subtitle: str | None = None,
    note: str | None = None,
    dpi: int = DPI,
) -> tuple[Figure, tuple[float, float, float, float]]:
    """Make a figure with its header drawn, and say where its body goes.

    Args:
        title: What the figure shows, one or two lines.
        body_height: Height of the part below the header in inches.
        subtitle: A line of numbers or of explanation below the title.
        note: A warning that must not be missed, e.g. that stand-in data was used.
        dpi: Pixels per inch; more than usual where much small text must stay sharp.

    Returns:
        The figure and the body's (left, bottom, width, height) in fractions of the page.
    """
    header = _header_lines(title, subtitle, note)
    gap = 0.08
    header_height = MARGIN + sum(part[3] + gap for part in header) + 0.1
    height = header_height + body_height + MARGIN
    figure = Figure(figsize=(PAGE_WIDTH, height), dpi=dpi, facecolor="white")
    FigureCanvasAgg(figure)
    top = height - MARGIN
    for kind, text, size, part_height in header:
        _draw_header_part(figure, kind, text, size, (top, part_height))
        top -= part_height + gap
    left = MARGIN / PAGE_WIDTH
    return figure, (left, MARGIN / height, 1 - 2 * left, body_height / height)


def new_chart(
    title: str,
    body_height: float,
    *,
    subtitle: str | None = None,
    note: str | None = None,
    legend_height: float = 0.0,
) -> Figure:
    """Make a page whose body is filled by the axes that are put on it, side by side or stacked.

    Args:
        title: What the figure shows, one or two lines.
        body_height: Height of the axes with their labels, in inches.
        subtitle: As in `new_page`.
        note: As in `new_page`.
        legend_height: Room above the axes for `legend_above`, in inches.
    """
    figure, body = new_page(title, body_height + legend_height, subtitle=subtitle, note=note)
    left, bottom, width, height = body
    height -= legend_height / figure.get_figheight()
    figure.set_layout_engine("constrained", rect=(left, bottom, width, height), wspace=0.06)
    return figure


def legend_above(
    figure: Figure, handles: Sequence[Artist], names: Sequence[str], **options: Any
) -> None:
    """Put a legend for all axes of a chart into the room that was left above them."""
    engine = figure.get_layout_engine()
    assert engine is not None  # `new_chart` has set it
    left, bottom, _, height = engine.get()["rect"]
    legend = figure.legend(
        handles,
        names,
        loc="lower left",
        bbox_to_anchor=(left, bottom + height + 0.02),
        borderaxespad=0,
        borderpad=0,
        **options,
    )
    legend.set_in_layout(False)  # its place is reserved


def draw_epochs(axes: Axes, epochs: Sequence[int], values: Sequence[float], **look: Any) -> None:
    """Draw a value over the epochs; they are marked one by one where they are few."""
    axes.plot(epochs, values, marker="o" if len(epochs) <= FEW_EPOCHS else "", **look)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))


def _draw_header_part(
    figure: Figure, kind: str, text: str, size: float, span: tuple[float, float]
) -> None:
    top, height = span
    page = figure.get_figheight()
    inset = 0.15 if kind == "note" else 0.0
    middle = top - height / 2
    if kind == "note":
        figure.add_artist(
            FancyBboxPatch(
                (MARGIN / PAGE_WIDTH, (top - height) / page),
                CONTENT_WIDTH / PAGE_WIDTH,
                height / page,
                boxstyle="square,pad=0",
                facecolor=NOTE_FILL,
                edgecolor=NOTE_EDGE,
                linewidth=1.5,
                transform=figure.transFigure,
            )
        )
    figure.text(
        (MARGIN + inset) / PAGE_WIDTH,
        middle / page,
        text,
        size=size,
        weight="normal" if kind == "subtitle" else "bold",
        color=GREY if kind == "subtitle" else INK,
        va="center",
        linespacing=1.1,
        gid=kind,
    )


@styled
def new_canvas(
    title: str,
    body_height: float,
    *,
    subtitle: str | None = None,
    note: str | None = None,
    dpi: int = DPI,
) -> tuple[Figure, Axes]:
    """Make a page whose body is measured in inches: x to the right, y downwards from 0.

    Grids of pictures are laid out on it by plain arithmetic, so nothing can overlap.
    """
    figure, body = new_page(title, body_height, subtitle=subtitle, note=note, dpi=dpi)
    axes = figure.add_axes(body)
    axes.set(xlim=(0, CONTENT_WIDTH), ylim=(body_height, 0))
    axes.set_axis_off()
    return figure, axes


def draw_picture(
    axes: Axes, picture: Picture, box: tuple[float, float, float, float], frame: str = GREY
) -> None:
    """Draw a picture into (left, top, width, height) inches of a canvas, keeping its shape.

    Args:
        axes: A canvas from `new_canvas`.
        picture: Pixels as `Picture` says; a float picture is stretched from its least value
            (black) to its greatest (white).
        box: Where it goes; the picture is centred in it.
        frame: Colour of the thin line around the picture.
    """
    pixels = _as_bytes(picture)
    left, top, width, height = box
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    w, h = pixels.shape[1] * scale, pixels.shape[0] * scale
    x, y = left + (width - w) / 2, top + (height - h) / 2
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(
        pixels, cmap="gray", vmin=0, vmax=255, extent=(x, x + w, y + h, y), aspect="auto", zorder=2
    )
    axes.set(xlim=limits[0], ylim=limits[1])  # imshow moves them
    draw_box(axes, (x, y, w, h), frame, linewidth=0.8, zorder=2.5)


def _as_bytes(picture: Picture) -> NDArray[np.uint8]:
    if picture.dtype == np.uint8:
        return picture
    if picture.dtype == np.bool_:
        return (picture * 255).astype(np.uint8)
    values = np.nan_to_num(picture.astype(np.float64))
    low, high = float(values.min()), float(values.max())
    return ((values - low) / ((high - low) or 1.0) * 255).round().astype(np.uint8)


def draw_box(
    axes: Axes,
    box: tuple[float, float, float, float],
    color: str,
    *,
    fill: str = "none",
    linewidth: float = 1.0,
    dashed: bool = False,
    zorder: float = 1.0,
) -> None:
    """Draw a rectangle of (left, top, width, height) inches onto a canvas."""
    left, top, width, height = box
    axes.add_patch(
        FancyBboxPatch(
            (left, top),
            width,
            height,
            boxstyle="square,pad=0",
            facecolor=fill,
            edgecolor=color,
            linewidth=linewidth,
            linestyle="--" if dashed else "-",
            zorder=zorder,
            clip_on=False,
        )
    )


@styled  # matplotlib makes some ticks only when it draws
def save_figure(figure: Figure, path: Path) -> None:
    """Write `figure` as a PNG: all of it or nothing, and the same bytes for the same figure.

    Raises:
        OSError: The folder cannot be made or written to.
    """
    with replace_when_written(path) as temporary:
        # "Software" would name the matplotlib version, and so change the file's digest with it.
        figure.savefig(temporary, format="png", metadata={"Software": None})
