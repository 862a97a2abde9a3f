"""Pages with coordinates in inches, to lay out pictures and boxes by plain arithmetic."""

from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from numpy.typing import NDArray

from pipeline.plots.style.look import GREY, styled
from pipeline.plots.style.page import CONTENT_WIDTH, DPI, new_page

Picture: TypeAlias = NDArray[Any]
"""Pixels of shape (h, w), (h, w, 3) or (h, w, 4): uint8 0..255, bool, or any float range."""

Box: TypeAlias = tuple[float, float, float, float]
"""(left, top, width, height) in inches from the canvas's upper left corner."""


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
    The arguments are those of `new_page`.
    """
    figure, body = new_page(title, body_height, subtitle=subtitle, note=note, dpi=dpi)
    axes = figure.add_axes(body)
    axes.set(xlim=(0, CONTENT_WIDTH), ylim=(body_height, 0))
    axes.set_axis_off()
    return figure, axes


def draw_picture(axes: Axes, picture: Picture, box: Box, frame: str = GREY) -> None:
    """Draw a picture onto a canvas, keeping its aspect ratio.

    Args:
        axes: A canvas from `new_canvas`.
        picture: Pixels as `Picture` says; a float picture is stretched from its least value
            (black) to its greatest (white).
        box: Where it goes; the picture is centred in it.
        frame: Colour of the thin line around the picture.
    """
    pixels = _as_bytes(picture)
    x, y, w, h = fit(pixels.shape[1], pixels.shape[0], box)
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(
        pixels, cmap="gray", vmin=0, vmax=255, extent=(x, x + w, y + h, y), aspect="auto", zorder=2
    )
    axes.set(xlim=limits[0], ylim=limits[1])  # imshow changes them
    draw_box(axes, (x, y, w, h), frame, linewidth=0.8, zorder=2.5)


def fit(width: float, height: float, box: Box) -> Box:
    """Return the largest box of this aspect ratio that fits into another, centred in it."""
    left, top, room_across, room_down = box
    scale = min(room_across / width, room_down / height)
    across, down = width * scale, height * scale
    return left + (room_across - across) / 2, top + (room_down - down) / 2, across, down


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
    box: Box,
    color: str,
    *,
    fill: str = "none",
    linewidth: float = 1.0,
    dashed: bool = False,
    zorder: float = 1.0,
) -> None:
    """Draw a rectangle onto a canvas."""
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
