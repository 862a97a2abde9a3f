"""Measure, shorten and wrap text in figures."""

import functools
from collections.abc import Sequence

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

from pipeline.plots.style.look import LINE, TEXT_SIZE


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
    return max(text_width(label, size) for label in labels) if rotation else size * LINE
