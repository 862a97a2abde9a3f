"""The one look of every figure: page, header, fonts, colours, and how a figure becomes a file.

Every page is `PAGE_WIDTH` inches wide whatever it shows, so a font of a given size is equally
readable on all of them, at full size and as a thumbnail; what needs more room grows downwards.
Figures are built on `matplotlib.figure.Figure`, never on pyplot, whose import is slow and whose
list of figures is global.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, TypeVar

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patches import FancyBboxPatch
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pipeline.digits.files import replace_when_written

Picture: TypeAlias = NDArray[Any]
"""Pixels of shape (h, w), (h, w, 3) or (h, w, 4): uint8 0..255, bool, or any float range."""

# Okabe & Ito, "Color Universal Design" (2008): told apart with every kind of colour blindness.
BLUE = "#0072B2"
ORANGE = "#E69F00"
VERMILLION = "#D55E00"
GREEN = "#009E73"
SKY = "#56B4E9"
INK = "#222222"
GREY = "#666666"
PALE = "#E9E9E9"
NOTE_FILL = "#FFF3C4"
NOTE_EDGE = "#B8860B"

PAGE_WIDTH = 8.0
"""Width of every figure in inches."""
MARGIN = 0.3
"""Empty border around a page in inches."""
CONTENT_WIDTH = PAGE_WIDTH - 2 * MARGIN
DPI = 150

TEXT_SIZE = 13.0
SMALL_SIZE = 11.0
TITLE_SIZE = 18.0

FEW_EPOCHS = 25

_LINE = 1.25 / 72  # inches a line takes, per point of font size
_STYLE: Any = {  # Any: the names matplotlib knows differ between its versions
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same letters
    "font.size": TEXT_SIZE,
    "axes.titlesize": TEXT_SIZE + 1,
    "axes.labelsize": TEXT_SIZE,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "xtick.labelsize": SMALL_SIZE + 1,
    "ytick.labelsize": SMALL_SIZE + 1,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.fontsize": SMALL_SIZE + 1,
    "legend.frameon": False,
    "text.color": INK,
    # A file or class name may hold dollar signs; none of our texts is a formula.
    "text.parse_math": False,
    "lines.linewidth": 2.2,
}

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def styled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Run `function` under the one style, untouched by the user's own matplotlib settings."""

    @functools.wraps(function)
    def in_style(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_STYLE)
            return function(*args, **kwargs)

    return in_style


def _font(size: float, bold: bool) -> FontProperties:
    return FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")


@functools.lru_cache(maxsize=4096)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Width in inches that `text` takes at `size` points, on one line."""
    width, _, _ = text_to_path.get_text_width_height_descent(text, _font(size, bold), False)
    return float(width) / 72 * 1.03  # hinting on the pixel grid widens letters a little


@functools.cache
def _drawable() -> frozenset[int]:
    return frozenset(get_font(findfont(_font(TEXT_SIZE, bold=False))).get_charmap())


def clean(text: str) -> str:
    """Return `text` with every character that the font cannot draw (or control code) as a box."""
    known = _drawable()
    return "".join(c if c.isprintable() and ord(c) in known else "□" for c in text)


def shorten(text: str, width: float, size: float, bold: bool = False) -> str:
    """Cut the middle out of `text` until it fits `width` inches; the ending of a name stays."""
    text = clean(text)
    if text_width(text, size, bold) <= width:
        return text
    low, high = 0, len(text)
    while low < high:  # the most characters that may stay
        kept = (low + high + 1) // 2
        if text_width(_elided(text, kept), size, bold) <= width:
            low = kept
        else:
            high = kept - 1
    return _elided(text, low)


def _elided(text: str, kept: int) -> str:
    tail = kept // 2
    return text[: kept - tail] + "…" + text[len(text) - tail :]


def wrap(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Break `text` between words into lines of at most `width` inches; cut words too long."""
    lines: list[str] = []
    for word in clean(text).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, bold) <= width:
            lines[-1] = longer
        else:
            lines.append(shorten(word, width, size, bold))
    return lines


def wrap_at_most(text: str, lines: int, width: float, size: float) -> list[str]:
    """Like `wrap`, but what does not fit into `lines` is cut from the end of the last one."""
    broken = wrap(text, width, size)
    if len(broken) <= lines:
        return broken
    last = f"{broken[lines - 1]}…"
    while text_width(last, size) > width:
        last = f"{last[:-2]}…"
    return [*broken[: lines - 1], last]


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
            header.append((kind, "\n".join(lines), size, len(lines) * size * _LINE + inset))
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


def spread_labels(names: Sequence[str], slot: float, size: float) -> tuple[list[str], int]:
    """Return axis labels and their rotation in degrees so that neighbours never touch.

    Args:
        names: One label per slot.
        slot: Distance between two labels in inches.
        size: Font size in points.
    """
    if all(text_width(clean(name), size) <= slot * 0.85 for name in names):
        return [clean(name) for name in names], 0
    return [shorten(name, 1.2, size) for name in names], 90


def highest(labels: Sequence[str], rotation: int, size: float) -> float:
    """Return the height in inches that labels from `spread_labels` take below an axis."""
    return max(text_width(label, size) for label in labels) if rotation else size * _LINE


@styled  # matplotlib makes some ticks only when it draws
def save_figure(figure: Figure, path: Path) -> None:
    """Write `figure` as a PNG: all of it or nothing, and the same bytes for the same figure.

    Raises:
        OSError: The folder cannot be made or written to.
    """
    with replace_when_written(path) as temporary:
        # "Software" would name the matplotlib version, and so change the file's digest with it.
        figure.savefig(temporary, format="png", metadata={"Software": None})
