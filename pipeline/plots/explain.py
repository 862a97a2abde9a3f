"""Figure of the preprocessing: how a picture becomes what the network sees."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from pipeline.plots.style.canvas import Picture, draw_picture, new_canvas
from pipeline.plots.style.look import SMALL_SIZE, styled
from pipeline.plots.style.page import CONTENT_WIDTH
from pipeline.plots.style.text import wrap_at_most

_LONGEST_ROW = 5


@styled
def explain_strip(steps: Sequence[tuple[str, Picture]], title: str) -> Figure:
    """Show how a picture becomes what the network sees, step by step, from left to right.

    Args:
        steps: Name of each step and the picture after it, of any size and any type that `Picture`
            allows. At least one.
        title: Usually the name of the file.
    """
    rows = -(-len(steps) // _LONGEST_ROW)
    columns = -(-len(steps) // rows)  # so that all rows are about equally long
    pitch = CONTENT_WIDTH / max(columns, 4)
    width = pitch - 0.14
    names = [
        wrap_at_most(f"{place}. {name}", 3, width, SMALL_SIZE)
        for place, (name, _) in enumerate(steps, start=1)
    ]
    label_height = max(map(len, names)) * 0.2 + 0.05
    row_height = label_height + pitch + 0.1
    figure, axes = new_canvas(title, rows * row_height)
    for place, (_, picture) in enumerate(steps):
        row, column = divmod(place, columns)
        left, top = column * pitch, row * row_height + label_height
        axes.text(
            left + width / 2,
            top - 0.06,
            "\n".join(names[place]),
            size=SMALL_SIZE,
            ha="center",
            va="bottom",
            linespacing=1.1,
        )
        draw_picture(axes, picture, (left, top, width, width))
    return figure
