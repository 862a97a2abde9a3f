"""Figures of many trials: which sizes and lengths are worth what they cost.

Throughout, `rows` holds a mapping a finished trial, the best first, with at least network (such as
"mlp 256-128"), epochs, val_accuracy (0..1), parameters and training_seconds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from pipeline.plots.style import look, page, text

Rows = Sequence[Mapping[str, Any]]

MAP = "cividis"  # evenly bright steps, the same with every kind of colour vision
CELL_HEIGHT = 0.5
MOST_CELLS = 24  # in each direction


@look.styled
def heatmap(rows: Rows, note: str | None = None) -> Figure:
    """Show the best validation accuracy of each network (down) at each number of epochs (across).

    Where there are more than fit, those of the best trials are shown, and how many are not is said.

    Args:
        rows: As the module says; at least one.
        note: A warning shown above the map.
    """
    size = {str(row["network"]): row["parameters"] for row in rows}
    shown = _with_room(rows)
    networks = sorted({row["network"] for row in shown}, key=lambda name: (size[name], name))
    epochs = sorted({row["epochs"] for row in shown})
    best = np.full((len(networks), len(epochs)), np.nan)
    for row in shown:
        cell = networks.index(row["network"]), epochs.index(row["epochs"])
        best[cell] = np.fmax(best[cell], 100 * row["val_accuracy"])
    figure = page.new_chart(
        "Accuracy by layer sizes and epochs",
        len(networks) * CELL_HEIGHT + 0.8,
        subtitle="best validation accuracy in %, networks from small to large; framed: the best"
        + _left_out(rows, shown),
        note=note,
    )
    axes = figure.subplots()
    edges = [np.arange(size + 1) - 0.5 for size in best.shape]
    cells = axes.pcolormesh(edges[1], edges[0], best, cmap=MAP)
    axes.invert_yaxis()
    _write_cells(axes, best, cells.norm)
    names = [text.shorten(name, 2.2, look.TEXT_SIZE) for name in networks]
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(len(epochs)), [str(number) for number in epochs])
    axes.set_xlabel("epochs")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def _with_room(rows: Rows) -> list[Mapping[str, Any]]:
    """Choose rows, the best first, as long as their networks and epochs have room on the map."""
    shown = []
    networks: set[str] = set()
    epochs: set[int] = set()
    for row in rows:
        down, across = networks | {row["network"]}, epochs | {row["epochs"]}
        if max(len(down), len(across)) <= MOST_CELLS:
            networks, epochs = down, across
            shown.append(row)
    return shown


def _left_out(rows: Rows, shown: Rows) -> str:
    """Say how many networks and numbers of epochs have no place on the map; "" if all have."""
    told = ""
    for key, what in (("network", "networks"), ("epochs", "numbers of epochs")):
        every, kept = ({row[key] for row in some} for some in (rows, shown))
        if len(every) > len(kept):
            told += f"; {len(every) - len(kept)} of {len(every)} {what} not shown"
    return told


def _write_cells(axes: Axes, best: Any, norm: Any) -> None:
    """Put the number into every cell, dark on light or light on dark, and frame the best."""
    size = min(look.TEXT_SIZE, 80 / best.shape[1])
    for (row, column), share in np.ndenumerate(best):
        if np.isnan(share):
            continue
        color = look.INK if norm(share) > 0.55 else "white"
        axes.text(column, row, f"{share:.2f}", ha="center", va="center", color=color, size=size)
    row, column = np.unravel_index(np.nanargmax(best), best.shape)
    frame = Rectangle(
        (column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=look.VERMILLION, linewidth=3
    )
    frame.set_clip_on(False)
    axes.add_patch(frame)


@look.styled
def cost(rows: Rows, note: str | None = None) -> Figure:
    """Show validation accuracy against parameters and against seconds, with the Pareto fronts.

    Args:
        rows: As the module says; at least one.
        note: A warning shown above the plots.
    """
    best = rows[0]
    figure = page.new_chart(
        "Accuracy against its cost",
        4.4,
        subtitle="line: nothing cheaper is better · ringed: the best, "
        f"{best['network']}, {best['epochs']} epochs, {100 * best['val_accuracy']:.2f} %",
        note=note,
    )
    left, right = figure.subplots(1, 2, sharey=True)
    _against(left, rows, "parameters", "parameters")
    _against(right, rows, "training_seconds", "training (s)")
    left.set_ylabel("validation accuracy (%)")
    return figure


def _against(axes: Axes, rows: Rows, key: str, title: str) -> None:
    costs = np.array([float(row[key]) for row in rows])
    shares = np.array([100 * float(row["val_accuracy"]) for row in rows])
    front = pareto_front(costs, shares)
    axes.scatter(costs, shares, color=look.BLUE, alpha=0.55, s=45, linewidths=0)
    axes.plot(
        costs[front], shares[front], color=look.VERMILLION, drawstyle="steps-post", marker="o"
    )
    axes.scatter(costs[:1], shares[:1], s=190, facecolors="none", edgecolors=look.INK, linewidths=2)
    axes.set_xlabel(title)
    if costs.max() > 8 * costs.min() > 0:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(f"{title}, logarithmic")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(_short_number))
    axes.margins(0.1)


def _short_number(number: float, _position: int | None = None) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"


def pareto_front(costs: Any, shares: Any) -> Any:
    """Return the positions, from cheap to dear, of what nothing as cheap or cheaper equals."""
    front: list[int] = []
    for position in np.lexsort((-shares, costs)):
        if not front or shares[position] > shares[front[-1]]:
            front.append(int(position))
    return front


@look.styled
def parallel(rows: Rows, settings: Sequence[str], note: str | None = None) -> Figure:
    """Show every trial as a line through its settings to its validation accuracy.

    Args:
        rows: As the module says; at least one.
        settings: The keys of the rows that get an axis, in order.
        note: A warning shown above the lines.
    """
    axes_of = [key for key in settings if len({_word(row[key]) for row in rows}) > 1]
    figure, body = page.new_page(
        "Every trial, from its settings to its accuracy",
        4.6,
        subtitle="a line a trial, the lighter the better; the best is marked",
        note=note,
    )
    places = [_places(rows, key) for key in axes_of]
    shares = [100 * float(row["val_accuracy"]) for row in rows]
    low, high = min(shares), max(shares)
    heights = [(share - low) / ((high - low) or 1.0) for share in shares]
    axes = figure.add_axes(body)
    colors = matplotlib.colormaps[MAP]
    for number in reversed(range(len(rows))):
        line = [
            *(place[_word(rows[number][key])] for place, key in zip(places, axes_of, strict=True))
        ]
        first = number == 0
        axes.plot(
            range(len(line) + 1),
            [*line, heights[number]],
            color=look.VERMILLION if first else colors(0.9 * heights[number]),
            linewidth=3.5 if first else 1.8,
            alpha=1.0 if first else 0.75,
        )
    titles = [*axes_of, "validation\naccuracy (%)"]
    ends = {f"{low:.2f}": 0.0, f"{high:.2f}": 1.0}
    _draw_uprights(axes, titles, [*places, ends])
    return figure


def _word(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _places(rows: Rows, key: str) -> dict[str, float]:
    """Return each value of a setting its height on the axis: in order, evenly apart."""
    found = {_word(row[key]): row for row in rows}

    def order(text: str) -> tuple[float, str]:
        value = found[text][key]
        if key == "network":
            return float(found[text]["parameters"]), text
        return (float(value), text) if isinstance(value, int | float) else (0.0, text)

    names = sorted(found, key=order)
    return {name: index / max(1, len(names) - 1) for index, name in enumerate(names)}


def _draw_uprights(
    axes: Axes, titles: Sequence[str], places: Sequence[Mapping[str, float]]
) -> None:
    """Draw the axes with the names of their values, those that have room."""
    axes.set_axis_off()
    last = len(titles) - 1
    slot = look.CONTENT_WIDTH / (last + 1.2)
    for x, (title, names) in enumerate(zip(titles, places, strict=True)):
        axes.plot([x, x], [0, 1], color=look.GREY, linewidth=1.2, zorder=1)
        shown = text.shorten(title, slot, look.TEXT_SIZE) if "\n" not in title else title
        axes.text(x, 1.07, shown, ha="center", va="bottom", weight="bold")
        every = -(-len(names) // 14)
        for name, height in list(names.items())[::every]:
            short = text.shorten(name, slot * 0.8, look.SMALL_SIZE + 1)
            axes.text(
                x + 0.03, height, short, va="center", size=look.SMALL_SIZE + 1, zorder=5,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
            )  # fmt: skip
    axes.set(xlim=(-0.2, last + 0.75), ylim=(-0.05, 1.25))
