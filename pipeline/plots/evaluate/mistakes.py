"""The pictures that were read wrong."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.plots.style.canvas import draw_picture, new_canvas
from pipeline.plots.style.look import GREY, SMALL_SIZE, TEXT_SIZE, VERMILLION, styled
from pipeline.plots.style.numbers import confidence_percent
from pipeline.plots.style.page import CONTENT_WIDTH
from pipeline.plots.style.text import join_shortened

_SHORT_NAME = 3  # letters: digits and the like leave room for more columns and larger letters
_HEADING_HEIGHT = 0.44  # inches
_GAP = 0.1  # inches


@styled
def worst_mistakes(
    images: NDArray[np.uint8],
    true: NDArray[np.integer],
    predicted: NDArray[np.integer],
    confidence: NDArray[np.floating],
    class_names: Sequence[str],
    note: str | None = None,
    *,
    limit: int = 24,
) -> Figure:
    """Show the pictures that were read wrong with the greatest confidence.

    Args:
        images: uint8 (n, h, w). All pictures or only the wrong ones: the right ones are left out.
        true: Class indices (n,).
        predicted: Class indices (n,).
        confidence: Probability (n,) of the predicted class, 0..1.
        class_names: One name per class.
        note: A warning shown above the pictures.
        limit: Maximum number of pictures shown.
    """
    wrong = np.flatnonzero(np.asarray(true) != np.asarray(predicted))
    shown = wrong[np.argsort(-np.asarray(confidence)[wrong], kind="stable")][:limit]
    if len(shown) == 0:
        return _no_mistakes(len(images), note)
    columns = 6 if max(map(len, class_names)) <= _SHORT_NAME else 4
    pitch = CONTENT_WIDTH / columns
    row_height = pitch + _HEADING_HEIGHT + 0.11
    figure, axes = new_canvas(
        "Worst mistakes",
        -(-len(shown) // columns) * row_height,
        subtitle=f"{_how_many(len(shown), len(wrong))}; over each: true class → read as",
        note=note,
    )
    for place, index in enumerate(shown):
        left, top = place % columns * pitch, place // columns * row_height
        names = class_names[int(true[index])], class_names[int(predicted[index])]
        _draw_heading(axes, names, float(confidence[index]), left, top, pitch - _GAP)
        box = (left, top + _HEADING_HEIGHT, pitch - _GAP, pitch - _GAP)
        draw_picture(axes, images[index], box)
    return figure


def _no_mistakes(pictures: int, note: str | None) -> Figure:
    figure, axes = new_canvas("Worst mistakes", 1.0, note=note)
    axes.text(0, 0.4, f"None: all {pictures:,} pictures were read right.", va="center")
    return figure


def _how_many(shown: int, wrong: int) -> str:
    if shown < wrong:
        return f"the {shown} most confident of {wrong:,}"
    return f"all {wrong}, most confident first" if wrong > 1 else "the only one"


def _draw_heading(
    axes: Axes, names: tuple[str, str], confidence: float, left: float, top: float, width: float
) -> None:
    """Write the true and the predicted class, and below them the confidence."""
    size = TEXT_SIZE + 1 if max(map(len, names)) <= _SHORT_NAME else SMALL_SIZE - 1
    words = join_shortened(names, " → ", width, size, bold=True)
    axes.text(left, top + 0.12, words, size=size, weight="bold", color=VERMILLION, va="center")
    sure = f"{confidence_percent(confidence)} sure"
    axes.text(left, top + 0.33, sure, size=SMALL_SIZE, color=GREY, va="center")
