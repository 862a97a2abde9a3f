"""Find where the digits of a picture may be: ink to lines, lines to groups, groups to candidates.

Where digits may touch, more cuts than needed are proposed; a classifier then chooses among them.
This is over-segmentation with recognition, as surveyed by R. G. Casey and E. Lecolinet, "A survey
of methods and strategies in character segmentation", IEEE PAMI 18(7), 1996.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.digits.preprocessing.marks import FAINTEST, Marks, find_marks
from pipeline.digits.preprocessing.normalise import Steps
from pipeline.digits.recognition.candidates import Group, make_group
from pipeline.digits.recognition.parts import (
    MOST_PARTS,
    NOISY,
    Part,
    PartLabels,
    find_ink,
    find_parts,
    no_specks,
    typical_height,
    without_rules,
)
from pipeline.digits.recognition.text_lines import find_lines, merge_overlapping, without_separators
from pipeline.system.arrays import Pixels

MOST_SHOWN = 8


@dataclass(frozen=True)
class Layout:
    """The groups of a picture, line by line from the top, each line from the left.

    Attributes:
        lines: The groups of each line; no line is empty.
        steps: Name and array of every intermediate step, in order.
        trouble: What speaks against the reading as a whole, in one line; empty if nothing does.
    """

    lines: tuple[tuple[Group, ...], ...]
    steps: Steps
    trouble: str = ""


def lay_out(picture: Pixels) -> Layout:
    """Find the lines of a picture, and what their digits may be.

    Args:
        picture: uint8, (h, w) grey or (h, w, 3) RGB, of either polarity.
    """
    ink, steps = find_ink(picture)
    marks = find_marks(ink)
    found = no_specks(marks) if marks.contrast >= FAINTEST else []
    parts = without_rules(find_parts(marks, found[:MOST_PARTS]), ink.shape)
    left_out = len(found[MOST_PARTS:])
    lines = [merge_overlapping(line) for line in find_lines(parts)]
    kept = [without_separators(line) for line in lines]
    groups = [
        tuple(make_group(part, typical_height(line), marks.labels, ink) for part in line)
        for line in kept
    ]
    rows = [group.row.image for line in groups for group in line if group.row]
    return Layout(
        lines=tuple(line for line in groups if line),
        steps=(*steps, ("groups", _painted(marks.labels, kept)), *_shown(rows)),
        trouble=_trouble(marks, left_out),
    )


def _trouble(marks: Marks, left_out: int) -> str:
    if left_out:
        return f"too much for one picture; marks left out: {left_out}"
    noisy = marks.contrast >= FAINTEST and marks.clarity < NOISY
    return "too noisy: no stroke stands out clearly" if noisy else ""


def _shown(rows: Sequence[Pixels]) -> Steps:
    """Show what may be several digits as the network for rows gets it, the first few of them."""
    shown = rows[:MOST_SHOWN]
    if not shown:
        return ()
    width = max(row.shape[1] for row in shown)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in shown]
    return (("as rows", np.vstack(padded)),)


def _painted(labels: PartLabels, lines: list[list[Part]]) -> Pixels:
    """Draw every group in a grey of its own, for the eye."""
    shades = np.zeros(int(labels.max()) + 1, np.uint8)
    for line in lines:
        for number, part in enumerate(line):
            shades[list(part.labels)] = 255 - 60 * (number % 3)
    return shades[labels]
