"""Figure of the registry: the pictures that only one of two networks read right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.plots.style.canvas import draw_picture, new_canvas
from pipeline.plots.style.look import GREEN, GREY, SMALL_SIZE, TEXT_SIZE, VERMILLION, styled
from pipeline.plots.style.page import CONTENT_WIDTH
from pipeline.plots.style.text import join_shortened, shorten

_SHORT_NAME = 3  # letters: digits and the like leave room for more columns
_MOST_SHOWN = 24
# In inches:
_HEADING_HEIGHT = 0.42
_CAPTION_HEIGHT = 0.17
_GAP = 0.1


@dataclass(frozen=True)
class Gain:
    """The pictures that one network read right and the other wrong.

    Attributes:
        heading: Which network read them right, in a few words.
        images: uint8 (n, h, w).
        true: Class indices (n,).
        mistaken: Class indices (n,) that the other network predicted.
    """

    heading: str
    images: NDArray[np.uint8]
    true: NDArray[np.integer]
    mistaken: NDArray[np.integer]


@styled
def disagreements(
    title: str,
    subtitle: str,
    gains: Sequence[Gain],
    class_names: Sequence[str],
    note: str | None = None,
) -> Figure:
    """Show the pictures that only one network read right, or the first of them, for each network.

    Args:
        title: What is compared.
        subtitle: The result.
        gains: One for each network.
        class_names: One name per class.
        note: A warning shown above the pictures.
    """
    columns = 8 if max(map(len, class_names)) <= _SHORT_NAME else 4
    pitch = CONTENT_WIDTH / columns
    row_height = pitch + _CAPTION_HEIGHT + 0.07
    heights = [
        _HEADING_HEIGHT + max(0.1, -(-_shown(gain) // columns) * row_height) for gain in gains
    ]
    figure, axes = new_canvas(title, sum(heights), subtitle=subtitle, note=note)
    top = 0.0
    for gain, height, color in zip(gains, heights, (GREEN, VERMILLION), strict=False):
        _write_heading(axes, gain, top, color)
        for place in range(_shown(gain)):
            row, column = divmod(place, columns)
            corner = (column * pitch, top + _HEADING_HEIGHT + row * row_height)
            _draw_gain(axes, gain, place, class_names, (*corner, pitch - _GAP))
        top += height
    return figure


def _shown(gain: Gain) -> int:
    return min(len(gain.images), _MOST_SHOWN)


def _write_heading(axes: Axes, gain: Gain, top: float, color: str) -> None:
    more = f", {_shown(gain)} of them shown" if _shown(gain) < len(gain.images) else ""
    heading = f"{gain.heading}: {len(gain.images):,}{more}"
    shortened = shorten(heading, CONTENT_WIDTH, TEXT_SIZE, bold=True)
    axes.text(0, top + 0.18, shortened, weight="bold", va="center", color=color)


def _draw_gain(
    axes: Axes,
    gain: Gain,
    place: int,
    class_names: Sequence[str],
    spot: tuple[float, float, float],
) -> None:
    """Draw a picture, with its true class and the other network's prediction above it."""
    left, top, width = spot
    names = class_names[int(gain.true[place])], class_names[int(gain.mistaken[place])]
    words = join_shortened(names, ", not ", width, SMALL_SIZE)
    axes.text(left, top + 0.06, words, size=SMALL_SIZE, va="center", color=GREY)
    draw_picture(axes, gain.images[place], (left, top + _CAPTION_HEIGHT, width, width))
