"""Figure of the registry: which pictures each of two networks read right and the other did not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.plots.style import look, page, text

_COLUMNS = 8
_PITCH = look.CONTENT_WIDTH / _COLUMNS
_ROW = _PITCH + 0.24
_HEADING = 0.42
_MOST_SHOWN = 24


@dataclass(frozen=True)
class Gain:
    """What one network read right that the other did not.

    Attributes:
        heading: Whose it is, in a few words.
        images: uint8 (n, h, w).
        true: Class indices (n,).
        mistaken: Class indices (n,), what the other network read.
    """

    heading: str
    images: NDArray[np.uint8]
    true: NDArray[np.integer]
    mistaken: NDArray[np.integer]


@look.styled
def disagreements(
    title: str,
    subtitle: str,
    gains: Sequence[Gain],
    class_names: Sequence[str],
    note: str | None = None,
) -> Figure:
    """Show, one network after the other, the pictures that it alone read right, or the first.

    Args:
        title: What is compared.
        subtitle: What came of it.
        gains: One for each network.
        class_names: One name per class.
        note: A warning shown above the pictures.
    """
    heights = [_HEADING + max(0.1, -(-_shown(gain) // _COLUMNS) * _ROW) for gain in gains]
    figure, axes = page.new_canvas(title, sum(heights), subtitle=subtitle, note=note)
    top = 0.0
    for gain, height, color in zip(gains, heights, (look.GREEN, look.VERMILLION), strict=False):
        _section(axes, gain, class_names, top, color)
        top += height
    return figure


def _shown(gain: Gain) -> int:
    return min(len(gain.images), _MOST_SHOWN)


def _section(axes: Axes, gain: Gain, class_names: Sequence[str], top: float, color: str) -> None:
    shown = _shown(gain)
    more = f", {shown} of them shown" if shown < len(gain.images) else ""
    heading = text.shorten(
        f"{gain.heading}: {len(gain.images):,}{more}", look.CONTENT_WIDTH, look.TEXT_SIZE, True
    )
    axes.text(0, top + 0.18, heading, weight="bold", va="center", color=color)
    for place in range(shown):
        left = place % _COLUMNS * _PITCH
        row = top + _HEADING + place // _COLUMNS * _ROW
        width = _PITCH - 0.1
        words = (
            f"{class_names[int(gain.true[place])]}, not {class_names[int(gain.mistaken[place])]}"
        )
        words = text.shorten(words, width, look.SMALL_SIZE)
        axes.text(left, row + 0.06, words, size=look.SMALL_SIZE, va="center", color=look.GREY)
        page.draw_picture(axes, gain.images[place], (left, row + 0.17, width, width))
