"""The page that every figure is drawn on: its header, and saving it to a file.

Every page is `PAGE_WIDTH` inches wide, so that a font size is equally readable on all of them, at
full size and as a thumbnail. A figure that needs more room grows downwards.
Figures are built on `matplotlib.figure.Figure`, never on pyplot, whose import is slow and whose
list of figures is global.
"""

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from pipeline.plots.style.look import (
    GREY,
    INK,
    NOTE_EDGE,
    NOTE_FILL,
    TEXT_SIZE,
    TITLE_SIZE,
    styled,
)
from pipeline.plots.style.text import LINE_HEIGHT, wrap
from pipeline.system.files import replace_when_written

PAGE_WIDTH = 8.0
"""Width of every figure in inches."""

DPI = 150
_MARGIN = 0.3  # inches, empty
CONTENT_WIDTH = PAGE_WIDTH - 2 * _MARGIN
"""Width between the margins in inches."""

_GAP = 0.08  # inches below each part of the header
_NOTE_PADDING = 0.15  # inches


@styled
def new_page(
    title: str,
    body_height: float,
    *,
    subtitle: str | None = None,
    note: str | None = None,
    dpi: int = DPI,
) -> tuple[Figure, tuple[float, float, float, float]]:
    """Make a figure with its header drawn; return it and the place of its body.

    Args:
        title: What the figure shows, one or two lines.
        body_height: Height of the part below the header in inches.
        subtitle: Numbers or an explanation below the title.
        note: A warning that must not be missed, e.g. that stand-in data was used.
        dpi: Pixels per inch; a figure with much small text needs more.

    Returns:
        The figure and the body's (left, bottom, width, height) in fractions of the page.
    """
    header = _header_parts(title, subtitle, note)
    header_height = _MARGIN + sum(part[3] + _GAP for part in header) + 0.1
    height = header_height + body_height + _MARGIN
    figure = Figure(figsize=(PAGE_WIDTH, height), dpi=dpi, facecolor="white")
    FigureCanvasAgg(figure)
    top = height - _MARGIN
    for kind, text, size, part_height in header:
        _draw_header_part(figure, kind, text, size, (top, part_height))
        top -= part_height + _GAP
    left = _MARGIN / PAGE_WIDTH
    return figure, (left, _MARGIN / height, 1 - 2 * left, body_height / height)


def _header_parts(
    title: str, subtitle: str | None, note: str | None
) -> list[tuple[str, str, float, float]]:
    """Return (kind, wrapped text, font size, height in inches) of each part of the header."""
    parts = [
        ("title", title, TITLE_SIZE),
        ("subtitle", subtitle, TEXT_SIZE),
        ("note", note, TEXT_SIZE),
    ]
    header = []
    for kind, text, size in parts:
        if text:
            padding = 2 * _NOTE_PADDING if kind == "note" else 0.0
            lines = wrap(text, CONTENT_WIDTH - padding, size, bold=kind != "subtitle")
            height = len(lines) * size * LINE_HEIGHT + padding
            header.append((kind, "\n".join(lines), size, height))
    return header


def _draw_header_part(
    figure: Figure, kind: str, text: str, size: float, span: tuple[float, float]
) -> None:
    """Draw a part of the header; `span` is its top and its height in inches."""
    top, height = span
    page_height = figure.get_figheight()
    left = _MARGIN
    if kind == "note":
        _draw_note_box(figure, top, height)
        left += _NOTE_PADDING
    figure.text(
        left / PAGE_WIDTH,
        (top - height / 2) / page_height,
        text,
        size=size,
        weight="normal" if kind == "subtitle" else "bold",
        color=GREY if kind == "subtitle" else INK,
        va="center",
        linespacing=1.1,
        gid=kind,
    )


def _draw_note_box(figure: Figure, top: float, height: float) -> None:
    page_height = figure.get_figheight()
    box = FancyBboxPatch(
        (_MARGIN / PAGE_WIDTH, (top - height) / page_height),
        CONTENT_WIDTH / PAGE_WIDTH,
        height / page_height,
        boxstyle="square,pad=0",
        facecolor=NOTE_FILL,
        edgecolor=NOTE_EDGE,
        linewidth=1.5,
        transform=figure.transFigure,
    )
    figure.add_artist(box)


@styled  # matplotlib makes some ticks only when it draws
def save_figure(figure: Figure, path: Path) -> None:
    """Write `figure` as a PNG, atomically, and with the same bytes for the same figure.

    Raises:
        OSError: The folder cannot be made or written to.
    """
    with replace_when_written(path) as temporary:
        # "Software" would name matplotlib's version, so every version would give other bytes.
        figure.savefig(temporary, format="png", metadata={"Software": None})
