"""Figures of many trials: accuracy by layer sizes and epochs, by cost, and by all settings.

Throughout, `rows` holds one mapping per configuration, the best first, with at least the keys
network (such as "mlp 256-128"), epochs, val_accuracy (0..1), parameters and training_seconds. Where
a configuration was trained with several seeds, figures are means, the interval of val_accuracy ends
at val_accuracy_high, and `tied` says whether it cannot be told from the best.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from pipeline.plots.style.chart import new_chart
from pipeline.plots.style.look import (
    BLUE,
    GREY,
    INK,
    LABEL_SIZE,
    TEXT_SIZE,
    VERMILLION,
    styled,
)
from pipeline.plots.style.numbers import counted, percent, setting_text, short_number
from pipeline.plots.style.page import CONTENT_WIDTH, new_page
from pipeline.plots.style.text import shorten, text_width

Rows = Sequence[Mapping[str, Any]]
Cells = Sequence[Sequence[Mapping[str, Any] | None]]

MOST_CELLS = 24
"""Maximum number of networks, and of epoch counts, that the heat map shows."""

LOW_ROWS, LOW_COLUMNS = 6, 8  # networks and numbers of epochs at most in the low heat map
_LOW_CELL = (1.15, 0.195)  # width and height in inches
_LOW_FOOT = 0.2  # inches
_LOW_SIZE = 8.5  # points
_LOW_DPI = 100
_COLOR_MAP = "cividis"  # perceptually uniform, with every kind of colour vision
_CELL_HEIGHT = 0.5  # inches
_MOST_NAMES = 14  # beside one axis of the parallel coordinates


@styled
def heatmap(rows: Rows, note: str | None = None) -> Figure:
    """Show the validation accuracy of each network (down) at each number of epochs (across).

    Of several configurations in a cell the best counts. With several seeds, it is their mean, with
    half its interval; cells that cannot be told from the best have a dashed frame.

    If not all of them fit, those of the best trials are shown, and the subtitle says how many are
    not.

    Args:
        rows: As described at the top of this module; at least one.
        note: A warning shown above the map.
    """
    shown = _with_room(rows)
    networks, epochs, cells = _best_of_each(shown)
    figure = new_chart(
        "Accuracy by layer sizes and epochs",
        len(networks) * _CELL_HEIGHT + 0.8,
        subtitle=_how_to_read(rows) + _left_out(rows, shown),
        note=note,
    )
    axes = figure.subplots()
    _draw_map(axes, cells, rows[0], min(TEXT_SIZE, 80 / len(epochs)))
    axes.set_yticks(range(len(networks)), [shorten(name, 2.2, TEXT_SIZE) for name in networks])
    axes.set_xticks(range(len(epochs)), list(map(str, epochs)))
    axes.set_xlabel("epochs")
    return figure


@styled
def low_heatmap(rows: Rows) -> Figure:
    """Show the heat map of the best rows alone, at most 140 pixels high, to start a page.

    Args:
        rows: As described at the top of this module; at least one.
    """
    networks, epochs, cells = _best_of_each(_with_room(rows, LOW_ROWS, LOW_COLUMNS))
    names = [shorten(name, 1.5, _LOW_SIZE) for name in networks]
    gutter = max(text_width(name, _LOW_SIZE) for name in names) + 0.1
    width, height = gutter + len(epochs) * _LOW_CELL[0] + 0.05, len(names) * _LOW_CELL[1]
    whole = height + _LOW_FOOT + 0.03
    figure = Figure(figsize=(width, whole), dpi=_LOW_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes(
        (gutter / width, _LOW_FOOT / whole, 1 - (gutter + 0.05) / width, height / whole)
    )
    _draw_map(axes, cells, rows[0], _LOW_SIZE)
    axes.set_yticks(range(len(names)), names, size=_LOW_SIZE)
    axes.set_xticks(
        range(len(epochs)), [counted(number, "epoch") for number in epochs], size=_LOW_SIZE
    )
    axes.tick_params(pad=2)
    return figure


def _draw_map(axes: Axes, cells: Cells, best: Mapping[str, Any], size: float) -> None:
    """Draw coloured cells with their accuracies, in letters of `size` points, and the frames."""
    shares = np.array([[_percent_of(row) for row in line] for line in cells])
    edges = [np.arange(count + 1) - 0.5 for count in shares.shape]
    colors = axes.pcolormesh(edges[1], edges[0], shares, cmap=_COLOR_MAP)
    axes.invert_yaxis()
    _write_cells(axes, cells, colors.norm, size)
    _frame(axes, cells, best)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _how_to_read(rows: Rows) -> str:
    if any(row.get("val_accuracy_high") is not None for row in rows):
        dashed = "; dashed: ties" if any(row.get("tied") for row in rows) else ""
        return f"mean validation accuracy in %, ± 95 % interval; framed: the best{dashed}"
    return "best validation accuracy in %, networks from small to large; framed: the best"


def _percent_of(row: Mapping[str, Any] | None) -> float:
    return float("nan") if row is None else 100 * float(row["val_accuracy"])


def _best_of_each(rows: Rows) -> tuple[list[str], list[int], Cells]:
    """Return networks from small to large, epochs, and the best row of each pair.

    It is None where a network was not tried with a number of epochs.
    """
    size = {str(row["network"]): row["parameters"] for row in rows}
    networks = sorted(size, key=lambda name: (size[name], name))
    epochs = sorted({row["epochs"] for row in rows})
    best = {(row["network"], row["epochs"]): row for row in reversed(rows)}  # the first one wins
    return networks, epochs, [[best.get((name, e)) for e in epochs] for name in networks]


def _with_room(
    rows: Rows, most_down: int = MOST_CELLS, most_across: int = MOST_CELLS
) -> list[Mapping[str, Any]]:
    """Return the best rows whose networks and epoch counts fit on the map."""
    shown = []
    networks: set[str] = set()
    epochs: set[int] = set()
    for row in rows:
        down, across = networks | {row["network"]}, epochs | {row["epochs"]}
        if len(down) <= most_down and len(across) <= most_across:
            networks, epochs = down, across
            shown.append(row)
    return shown


def _left_out(rows: Rows, shown: Rows) -> str:
    """Return the subtitle's end: how many networks and epoch counts are not shown, if any."""
    text = ""
    for key, what in (("network", "networks"), ("epochs", "numbers of epochs")):
        every, kept = ({row[key] for row in some} for some in (rows, shown))
        if len(every) > len(kept):
            text += f"; {len(every) - len(kept)} of {len(every)} {what} not shown"
    return text


def _write_cells(axes: Axes, cells: Cells, norm: Any, size: float) -> None:
    """Write the accuracy into every cell, dark on light or light on dark."""
    for row, line in enumerate(cells):
        for column, cell in enumerate(line):
            if cell is None:
                continue
            share, high = _percent_of(cell), cell.get("val_accuracy_high")
            text = f"{share:.2f}" + ("" if high is None else f" ± {100 * high - share:.2f}")
            color = INK if norm(share) > 0.55 else "white"
            axes.text(column, row, text, ha="center", va="center", color=color, size=size)


def _frame(axes: Axes, cells: Cells, best: Mapping[str, Any]) -> None:
    """Frame the cell of the best, and with dashes those that tie with it."""
    for row, line in enumerate(cells):
        for column, cell in enumerate(line):
            if cell is not None and (cell is best or cell.get("tied")):
                frame = Rectangle(
                    (column - 0.5, row - 0.5), 1, 1, fill=False, clip_on=False,
                    edgecolor=VERMILLION, linewidth=3 if cell is best else 2,
                    linestyle="-" if cell is best else "--",
                    zorder=3 if cell is best else 2,
                )  # fmt: skip
                axes.add_patch(frame)


@styled
def cost(rows: Rows, note: str | None = None) -> Figure:
    """Show validation accuracy against parameters and against seconds, with the Pareto fronts.

    Args:
        rows: As described at the top of this module; at least one.
        note: A warning shown above the plots.
    """
    best = rows[0]
    epochs, accuracy = counted(best["epochs"], "epoch"), percent(best["val_accuracy"])
    figure = new_chart(
        "Accuracy against its cost",
        4.4,
        subtitle=f"line: nothing cheaper is better · ringed: the best, {best['network']}, "
        f"{epochs}, {accuracy}",
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
    axes.scatter(costs, shares, color=BLUE, alpha=0.55, s=45, linewidths=0)
    axes.plot(costs[front], shares[front], color=VERMILLION, drawstyle="steps-post", marker="o")
    axes.scatter(costs[:1], shares[:1], s=190, facecolors="none", edgecolors=INK, linewidths=2)
    axes.set_xlabel(title)
    if costs.max() > 8 * costs.min() > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=_steps(costs.max() / costs.min())))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(f"{title}, logarithmic")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(short_number)
    axes.margins(0.1)


def _steps(ratio: float) -> tuple[float, ...]:
    """Return which multiples of 1, 10, 100 … get a label, so that there are two to six labels."""
    if ratio <= 30:
        return (1, 2, 5)
    return (1, 3) if ratio <= 300 else (1,)


def pareto_front(costs: NDArray[np.float64], shares: NDArray[np.float64]) -> list[int]:
    """Return the indices on the Pareto front, from cheap to expensive.

    Nothing at the same or a lower cost reaches the same share.
    """
    front: list[int] = []
    for position in np.lexsort((-shares, costs)):
        if not front or shares[position] > shares[front[-1]]:
            front.append(int(position))
    return front


@styled
def parallel(rows: Rows, settings: Sequence[str], note: str | None = None) -> Figure:
    """Show every trial as a line through its settings to its validation accuracy.

    Args:
        rows: As described at the top of this module; at least one.
        settings: The keys of the rows that get an axis, in order.
        note: A warning shown above the lines.
    """
    varied = [key for key in settings if len({setting_text(row[key]) for row in rows}) > 1]
    figure, body = new_page(
        "Every trial, from its settings to its accuracy",
        4.6,
        subtitle="one line per trial, the lighter the better; the best is highlighted",
        note=note,
    )
    axes = figure.add_axes(body)
    vertical_axes = {key: _heights(rows, key) for key in varied}
    shares = [100 * float(row["val_accuracy"]) for row in rows]
    low, high = min(shares), max(shares)
    for row, share in reversed(list(zip(rows, shares, strict=True))):
        line = [heights[setting_text(row[key])] for key, heights in vertical_axes.items()]
        _draw_trial(axes, [*line, (share - low) / ((high - low) or 1.0)], best=row is rows[0])
    vertical_axes["validation\naccuracy (%)"] = {f"{low:.2f}": 0.0, f"{high:.2f}": 1.0}
    _draw_vertical_axes(axes, vertical_axes)
    return figure


def _draw_trial(axes: Axes, heights: Sequence[float], best: bool) -> None:
    """Draw a trial as a line through the heights, 0..1, of its settings and its accuracy."""
    axes.plot(
        range(len(heights)),
        heights,
        color=VERMILLION if best else matplotlib.colormaps[_COLOR_MAP](0.9 * heights[-1]),
        linewidth=3.5 if best else 1.8,
        alpha=1.0 if best else 0.75,
    )


def _heights(rows: Rows, key: str) -> dict[str, float]:
    """Return the height, 0..1, of each value of a setting on its axis: sorted, evenly spaced."""
    found = {setting_text(row[key]): row for row in rows}

    def order(name: str) -> tuple[float, str]:
        value = found[name][key]
        if key == "network":
            return float(found[name]["parameters"]), name
        return (float(value), name) if isinstance(value, int | float) else (0.0, name)

    names = sorted(found, key=order)
    return {name: index / max(1, len(names) - 1) for index, name in enumerate(names)}


def _draw_vertical_axes(axes: Axes, vertical_axes: Mapping[str, Mapping[str, float]]) -> None:
    """Draw the vertical axes, each with its title and as many labels as fit."""
    axes.set_axis_off()
    last = len(vertical_axes) - 1
    slot = CONTENT_WIDTH / (last + 1.2)
    for x, (title, names) in enumerate(vertical_axes.items()):
        axes.plot([x, x], [0, 1], color=GREY, linewidth=1.2, zorder=1)
        shown = title if "\n" in title else shorten(title, slot, TEXT_SIZE)
        axes.text(x, 1.07, shown, ha="center", va="bottom", weight="bold")
        for name, height in list(names.items())[:: -(-len(names) // _MOST_NAMES)]:
            axes.text(
                x + 0.03,
                height,
                shorten(name, slot * 0.8, LABEL_SIZE),
                va="center",
                size=LABEL_SIZE,
                zorder=5,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
            )
    axes.set(xlim=(-0.2, last + 0.75), ylim=(-0.05, 1.25))
