"""Show a picture in a window of matplotlib's, for the one command that is asked to."""

from typing import TYPE_CHECKING

from matplotlib import pyplot

from pipeline.plots.style.look import LABEL_SIZE, TITLE_SIZE, styled
from pipeline.plots.style.text import shorten, wrap_at_most

if TYPE_CHECKING:
    from pipeline.plots.style.canvas import Picture

# Matplotlib's own order; its others open no windows.
TOOLKITS = ("macosx", "qtagg", "gtk4agg", "gtk3agg", "tkagg", "wxagg")
WIDTH = 6.0  # inches


def open_toolkit() -> bool:
    """Choose a toolkit that opens windows; return whether there is one, and a display."""
    for toolkit in TOOLKITS:
        try:
            pyplot.switch_backend(toolkit)
        except ImportError:  # of the toolkit, or raised by matplotlib where there is no display
            continue
        return True
    return False


@styled
def show_picture(picture: "Picture", answer: str, detail: str, file: str) -> None:
    """Show a picture in a window, and wait until it is closed.

    Args:
        picture: The picture, of any size and any type that `Picture` allows.
        answer: What was read, to be written above it.
        detail: More about the answer, in smaller letters; may be empty.
        file: The window's title.
    """
    figure = pyplot.figure(num=file, figsize=(WIDTH, WIDTH), clear=True)
    axes = figure.add_axes((0.05, 0.05, 0.9, 0.75))
    axes.set_axis_off()
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
    title = shorten(answer, WIDTH, TITLE_SIZE, bold=True)
    below = "\n".join(wrap_at_most(detail, 2, WIDTH, LABEL_SIZE))
    figure.text(0.5, 0.94, title, size=TITLE_SIZE, weight="bold", ha="center", va="center")
    figure.text(0.5, 0.9, below, size=LABEL_SIZE, ha="center", va="top")
    pyplot.show(block=True)
    pyplot.close(figure)
