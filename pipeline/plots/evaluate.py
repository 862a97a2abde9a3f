"""Figures of the evaluate stage: where the mistakes are, how far a confidence can be trusted."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from pipeline.plots.style import look, page, text

ReliabilityBins: TypeAlias = tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.integer]]
"""Mean confidence (0..1), accuracy (0..1) and number of pictures of each bin, all of shape (bins,).

What the first two say about an empty bin does not matter."""


@look.styled
def confusion_matrix(
    matrix: NDArray[np.integer], class_names: Sequence[str], note: str | None = None
) -> Figure:
    """Show which class is taken for which, coloured by the mistakes alone.

    A colour scale over the whole matrix would show a diagonal and nothing else: 98 % lie there.

    Args:
        matrix: Integers (k, k); `matrix[t, p]` pictures of class t were read as class p.
        class_names: k names.
        note: A warning shown above the matrix.
    """
    k = len(class_names)
    size = min(look.TEXT_SIZE, 0.62 * look.CONTENT_WIDTH / k * 72)
    names = [text.shorten(name, 1.2, size) for name in class_names]
    gutter = max(text.text_width(name, size) for name in names) + 0.45
    cell = min((look.CONTENT_WIDTH - gutter) / k, 1.6)
    upright = all(text.text_width(name, size) < cell * 0.9 for name in names)
    foot = 0.6 if upright else gutter
    figure, axes = page.new_canvas(
        "Confusion matrix",
        k * cell + foot,
        subtitle=_mistakes_in_words(matrix, class_names),
        note=note,
        dpi=look.DPI if k <= 16 else 2 * look.DPI,
    )
    _cells(axes, matrix, (gutter, cell))
    for i, name in enumerate(names):
        middle = (i + 0.5) * cell
        axes.text(gutter - 0.08, middle, name, size=size, ha="right", va="center")
        axes.text(
            gutter + middle,
            k * cell + 0.08,
            name,
            size=size,
            ha="center",
            va="top",
            rotation=0 if upright else 90,
        )
    middle = k * cell / 2
    axes.text(0.1, middle, "true class", rotation=90, ha="center", va="center", weight="bold")
    axes.text(gutter + middle, k * cell + foot, "read as", ha="center", va="bottom", weight="bold")
    return figure


def _mistakes_in_words(matrix: NDArray[np.integer], class_names: Sequence[str]) -> str:
    total, right = int(matrix.sum()), int(np.trace(matrix))
    if total == 0:
        return "no pictures"
    wrong = matrix - np.diag(np.diag(matrix))
    words = f"{right:,} of {total:,} right ({right / total * 100:.2f} %), on grey."
    if right == total:
        return f"{words} No mistakes."
    true, read = divmod(int(wrong.argmax()), len(matrix))
    return (
        f"{words} {total - right:,} wrong, in colour, most often "
        f"{class_names[true]} read as {class_names[read]} ({wrong[true, read]:,})."
    )


def _cells(axes: Axes, matrix: NDArray[np.integer], place: tuple[float, float]) -> None:
    left, cell = place
    k = len(matrix)
    most = max(1, int((matrix - np.diag(np.diag(matrix))).max()))
    widest = max(text.text_width(f"{count}", 10.0) for count in matrix.flat) / 10
    size = min(16.0, cell * 0.86 / widest, cell * 72 * 0.6)
    oranges = LinearSegmentedColormap.from_list(
        "mistakes", colormaps["YlOrBr"](np.linspace(0.12, 1, 64))
    )
    for true, read in np.ndindex(k, k):
        count = int(matrix[true, read])
        share = count / most
        ink, weight = look.INK, "normal"
        fill: str | tuple[float, ...] = "white"
        if true == read:
            fill = "#D8D8D8"
        elif count:
            fill = oranges(share)
            ink, weight = "white" if _luminance(fill) < 0.25 else look.INK, "bold"
        x, y = left + read * cell, true * cell
        axes.add_patch(
            Rectangle(
                (x, y),
                cell,
                cell,
                facecolor=fill,
                edgecolor="#CCCCCC",
                linewidth=0.6,
                clip_on=False,
            )
        )
        if count or true == read:
            axes.text(
                x + cell / 2,
                y + cell / 2,
                f"{count}",
                size=size,
                color=ink,
                weight=weight,
                ha="center",
                va="center_baseline",
                gid="count",
            )


def _luminance(color: tuple[float, ...]) -> float:
    """Return the relative luminance of an sRGB colour as WCAG 2 defines it, 0..1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@look.styled
def calibration(
    before: ReliabilityBins,
    after: ReliabilityBins,
    *,
    ece_before: float,
    ece_after: float,
    temperature: float | None = None,
    note: str | None = None,
) -> Figure:
    """Show how often a digit is right when the network says it is p % sure (reliability diagram).

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017. Bars show 95 % intervals
    (Wilson's score interval), so that a bin of three pictures does not look like a finding.

    Args:
        before: Bins of the network's own probabilities.
        after: Bins of the calibrated ones.
        ece_before: Expected calibration error of the network's own probabilities, 0..1.
        ece_after: The same of the calibrated ones.
        temperature: The number the logits were divided by, when known.
        note: A warning shown above the diagram.
    """
    scaled = "" if temperature is None else f" Temperature {temperature:.3f}."
    figure = page.new_chart(
        "Calibration: can the confidence be believed?",
        6.4,
        subtitle=f"expected calibration error {ece_before * 100:.2f} % before, "
        f"{ece_after * 100:.2f} % after temperature scaling.{scaled} On the dashed line, "
        "pictures read with 80 % confidence are right 80 % of the time.",
        note=note,
    )
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2.6, 1))
    top.plot((0, 100), (0, 100), "--", color=look.GREY, linewidth=1.5, label="ideal")
    _reliability(top, before, look.BLUE, "s", "before")
    _reliability(top, after, look.VERMILLION, "o", "after")
    top.set(ylabel="accuracy (%)", ylim=(-3, 103))
    top.legend(loc="upper left")
    for bins, color, shift in ((before, look.BLUE, -0.2), (after, look.VERMILLION, 0.2)):
        _bin_sizes(bottom, bins, color, shift)
    bottom.set(xlabel="confidence (%)", ylabel="pictures", xlim=(0, 102), yscale="log")
    bottom.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    bottom.minorticks_off()
    return figure


def _reliability(axes: Axes, bins: ReliabilityBins, color: str, marker: str, label: str) -> None:
    filled = np.asarray(bins[2]) > 0
    confidence, accuracy, count = (np.asarray(part, dtype=np.float64)[filled] for part in bins)
    low, high = _wilson(accuracy, count)
    axes.errorbar(
        confidence * 100,
        accuracy * 100,
        yerr=np.maximum(0, [accuracy - low, high - accuracy]) * 100,
        color=color,
        marker=marker,
        markersize=7,
        elinewidth=1.2,
        capsize=3,
        label=label,
    )


def _wilson(
    share: NDArray[np.float64], count: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 95 % score interval of a share (Wilson, JASA 22, 1927)."""
    z2 = 1.96**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = np.sqrt(share * (1 - share) * z2 / count + z2**2 / (4 * count**2)) / (1 + z2 / count)
    return middle - half, middle + half


def _bin_sizes(axes: Axes, bins: ReliabilityBins, color: str, shift: float) -> None:
    count = np.asarray(bins[2])
    width = 100 / len(count)
    centres = (np.arange(len(count)) + 0.5) * width
    axes.bar(centres + shift * width, count, width=0.38 * width, color=color)


@look.styled
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
        limit: Show at most so many.
    """
    wrong = np.flatnonzero(np.asarray(true) != np.asarray(predicted))
    shown = wrong[np.argsort(-np.asarray(confidence)[wrong], kind="stable")][:limit]
    if len(shown) == 0:
        figure, axes = page.new_canvas("Worst mistakes", 1.0, note=note)
        axes.text(0, 0.4, f"None: all {len(images):,} pictures were read right.", va="center")
        return figure
    columns = 6 if max(map(len, class_names)) <= 3 else 4
    pitch = look.CONTENT_WIDTH / columns
    row_height = pitch + 0.55
    rows = -(-len(shown) // columns)
    figure, axes = page.new_canvas(
        "Worst mistakes",
        rows * row_height,
        subtitle=f"{_how_many(len(shown), len(wrong))}; over each: true class → read as",
        note=note,
    )
    for place, index in enumerate(shown):
        left, top = place % columns * pitch, place // columns * row_height
        names = class_names[int(true[index])], class_names[int(predicted[index])]
        _mistake(axes, images[index], names, float(confidence[index]), (left, top, pitch))
    return figure


def _how_many(shown: int, wrong: int) -> str:
    if shown < wrong:
        return f"the {shown} most confident of {wrong:,}"
    return f"all {wrong}, most confident first" if wrong > 1 else "the only one"


def _mistake(
    axes: Axes,
    image: NDArray[np.uint8],
    names: tuple[str, str],
    confidence: float,
    place: tuple[float, float, float],
) -> None:
    left, top, pitch = place
    width = pitch - 0.1
    size = look.TEXT_SIZE + 1 if max(map(len, names)) <= 3 else look.SMALL_SIZE - 1
    room = (width - text.text_width(" → ", size, bold=True)) / 2
    words = " → ".join(text.shorten(name, room, size, bold=True) for name in names)
    axes.text(left, top + 0.12, words, size=size, weight="bold", color=look.VERMILLION, va="center")
    sure = f"{percentage(confidence)} sure"
    axes.text(left, top + 0.33, sure, size=look.SMALL_SIZE, color=look.GREY, va="center")
    page.draw_picture(axes, image, (left, top + 0.44, width, width))


def percentage(share: float) -> str:
    """Write a confidence of 0..1 as per cent; never "100 %" for what is not certain."""
    if 0.995 <= share < 1:
        return f"{min(share * 100, 99.99):.2f} %" if share >= 0.9995 else f"{share * 100:.1f} %"
    return f"{share * 100:.0f} %"


@look.styled
def per_class(
    precision: NDArray[np.floating],
    recall: NDArray[np.floating],
    class_names: Sequence[str],
    note: str | None = None,
) -> Figure:
    """Show precision and recall of every class.

    Args:
        precision: (k,), 0..1: of the pictures read as this class, the share that is of it.
        recall: (k,), 0..1: of the pictures of this class, the share read as it.
        class_names: k names.
        note: A warning shown above the chart.
    """
    slot = (look.CONTENT_WIDTH - 1.2) / len(class_names)
    labels, rotation = text.spread_labels(class_names, slot, look.SMALL_SIZE + 1)
    figure = page.new_chart(
        "Precision and recall of each class",
        3.4 + text.highest(labels, rotation, look.SMALL_SIZE + 1),
        subtitle="precision: of the pictures read as this class, how many are; "
        "recall: of the pictures of this class, how many were read as it",
        note=note,
    )
    axes = figure.subplots()
    positions = np.arange(len(class_names))
    p, r = np.asarray(precision) * 100, np.asarray(recall) * 100
    axes.vlines(positions, np.minimum(p, r), np.maximum(p, r), color="#BBBBBB", linewidth=3)
    axes.plot(positions, p, "o", color=look.BLUE, markersize=10, label="precision")
    axes.plot(positions, r, "D", color=look.VERMILLION, markersize=8, label="recall")
    axes.set_xticks(positions, labels, rotation=rotation)
    axes.set_xlim(-0.6, len(class_names) - 0.4)
    axes.set(xlabel="class", ylabel="%")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
    return figure
