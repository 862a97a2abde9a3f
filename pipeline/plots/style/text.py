"""Measure, shorten and wrap text so that it fits its place in a figure.

Widths and heights are in inches, font sizes in points.
"""

import functools
import re
from collections.abc import Sequence

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

from pipeline.plots.style.look import TEXT_SIZE

LINE_HEIGHT = 1.25 / 72
"""Height of a line of text in inches, per point of font size."""

_WORD = re.compile(r"\S+(?: +%\S*)?")  # "98 %" stays on one line
_LONGEST_ROTATED = 1.2  # inches


def _font(size: float, bold: bool) -> FontProperties:
    return FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")


@functools.lru_cache(maxsize=4096)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return the width of `text` on one line."""
    width, _, _ = text_to_path.get_text_width_height_descent(text, _font(size, bold), False)
    return float(width) / 72 * 1.03  # hinting on the pixel grid widens letters a little


@functools.cache
def _drawable() -> frozenset[int]:
    return frozenset(get_font(findfont(_font(TEXT_SIZE, bold=False))).get_charmap())


def clean(text: str) -> str:
    """Replace control codes, and every character that the font lacks, with a box."""
    known = _drawable()
    return "".join(c if c.isprintable() and ord(c) in known else "□" for c in text)


def shorten(text: str, width: float, size: float, bold: bool = False) -> str:
    """Cut the middle out of `text` until it fits `width`; the end, such as a suffix, stays."""
    text = clean(text)
    if text_width(text, size, bold) <= width:
        return text
    low, high = 0, len(text)
    while low < high:  # search for the largest number of characters that fit
        kept = (low + high + 1) // 2
        if text_width(_elided(text, kept), size, bold) <= width:
            low = kept
        else:
            high = kept - 1
    return _elided(text, low)


def _elided(text: str, kept: int) -> str:
    tail = kept // 2
    return text[: kept - tail] + "…" + text[len(text) - tail :]


def join_shortened(
    names: tuple[str, str], joint: str, width: float, size: float, bold: bool = False
) -> str:
    """Join two names, such as "4 → 9"; if they do not fit `width`, each is cut to half of it."""
    whole = joint.join(map(clean, names))
    if text_width(whole, size, bold) <= width:
        return whole
    room = (width - text_width(joint, size, bold)) / 2
    return joint.join(shorten(name, room, size, bold) for name in names)


def wrap(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Break `text` between words into lines of at most `width`; shorten words that are wider."""
    lines: list[str] = []
    for word in _WORD.findall(clean(text)):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, bold) <= width:
            lines[-1] = longer
        else:
            lines.append(shorten(word, width, size, bold))
    return lines


def wrap_at_most(text: str, lines: int, width: float, size: float) -> list[str]:
    """Wrap `text`; what does not fit into `lines` is cut from the end of the last one."""
    broken = wrap(text, width, size)
    if len(broken) <= lines:
        return broken
    last = f"{broken[lines - 1]}…"
    while text_width(last, size) > width:
        last = f"{last[:-2]}…"
    return [*broken[: lines - 1], last]


def spread_labels(names: Sequence[str], slot: float, size: float) -> tuple[list[str], int]:
    """Fit labels side by side along an axis; rotate them if they would touch.

    Args:
        names: One label per slot.
        slot: Distance between two labels.
        size: Font size.

    Returns:
        The labels and their rotation in degrees, 0 or 90.
    """
    labels = [clean(name) for name in names]
    if all(text_width(label, size) <= slot * 0.85 for label in labels):
        return labels, 0
    return [shorten(name, _LONGEST_ROTATED, size) for name in names], 90


def label_height(labels: Sequence[str], rotation: int, size: float) -> float:
    """Return the height that labels from `spread_labels` take below an axis."""
    if rotation:
        return max(text_width(label, size) for label in labels)
    return size * LINE_HEIGHT
