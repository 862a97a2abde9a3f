"""Cut a group of parts into candidates for digits."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.form import SIDE, enlarge, even_strokes, fit_box, stroke_width
from pipeline.digits.recognition.parts import TOUCHING, WIDEST, Part, PartLabels
from pipeline.digits.recognition.touching import Box, Row, as_row
from pipeline.system.arrays import Pixels

# What speaks against a candidate, in nats; found together with the weights of `choosing`.
CUT_COST = 0.1  # every cut
STROKE_COST = 0.16  # a cut, for every stroke it goes through
FREE_STROKES = 1.3  # of which so many cost nothing: digits that touch are joined by a stroke
LOW = 0.75  # share of the usual height below which a candidate is unlikely
LOW_COST = 3.4  # for every usual height that it lacks of that
SEAM_HEIGHT = 48  # pixels of a digit's height when cuts are looked for
MOST_CROSSED = 2.5  # strokes that a cut may go through


@dataclass(frozen=True)
class Candidate:
    """What may be one digit: neighbouring parts of a group.

    Attributes:
        first: Index of the first of its parts in the group.
        end: Index after the last of its parts.
        left: Of its box, in pixels of the picture.
        top: Of its box, in pixels of the picture.
        width: Of its box, in pixels of the picture.
        height: Of its box, in pixels of the picture.
        image: uint8 (28, 28), as MNIST holds digits.
        cost: What speaks against its shape and against the cuts that make it, >= 0, in nats.
    """

    first: int
    end: int
    left: int
    top: int
    width: int
    height: int
    image: Pixels
    cost: float

    @property
    def box(self) -> Box:
        """Its left, top, width and height, in pixels of the picture."""
        return self.left, self.top, self.width, self.height


@dataclass(frozen=True)
class Group:
    """Ink that hangs together: one digit, or several that touch.

    Attributes:
        parts: Into how many pieces it can be cut.
        candidates: Digits that its parts may form; every part alone is one of them.
        row: The same ink uncut, if it is wide enough for several digits.
    """

    parts: int
    candidates: tuple[Candidate, ...]
    row: Row | None = None

    @property
    def whole(self) -> int | None:
        """The index of the candidate that is all of it; None if it is too wide for one."""
        spans = [(each.first, each.end) for each in self.candidates]
        return spans.index((0, self.parts)) if (0, self.parts) in spans else None


# --- cuts and candidates --------------------------------------------------------------------


def make_group(part: Part, usual: float, labels: PartLabels, ink: Pixels) -> Group:
    """Cut a part wherever digits may touch, and make a candidate of every run of the pieces."""
    box = slice(part.top, part.bottom), slice(part.left, part.right)
    own = np.isin(labels[box], part.labels)
    others = (labels[box] > 0) & ~own
    free = np.where(others, np.uint8(0), ink[box])
    wide = part.width > TOUCHING * usual
    seams, crossed = _seams(own, usual) if wide else _no_seams(own)
    pieces = np.where(own, _side_of(seams, own.shape), -1)
    runs = _runs(pieces, len(seams) + 1, usual)
    cuts = STROKE_COST * np.maximum(crossed - FREE_STROKES, 0) + CUT_COST
    costs = np.concatenate([[0.0], cuts, [0.0]])
    candidates = (
        _candidate(run, (pieces >= run[0]) & (pieces < run[1]), free, part, usual, costs)
        for run in runs
    )
    row = as_row(free, own, usual, part.left, part.top) if wide else None
    return Group(len(seams) + 1, tuple(candidates), row)


def _no_seams(own: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    return np.empty((0, own.shape[0]), np.intp), np.empty(0)


def _seams(own: NDArray[np.bool_], usual: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Find paths from top to bottom through little ink.

    Returns:
        Columns of each path, (n, height of the part), from left to right; and how many strokes
        each goes through.
    """
    height, width = own.shape
    scale = SEAM_HEIGHT / usual
    size = max(8, round(width * scale)), max(8, round(height * scale))
    whole = cv2.resize(own.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    cover = whole.astype(np.float32, copy=False)
    stroke = max(stroke_width((cover * 255).astype(np.uint8)), 1.0)
    paths = _cheapest_paths(cover)
    crossed = cover[np.arange(size[1]), paths].sum(axis=1) / stroke
    chosen = _distinct(paths, crossed)
    rows = (np.arange(height) * size[1] // height).clip(0, size[1] - 1)
    columns = np.round(paths[chosen][:, rows] * (width / size[0])).astype(np.intp)
    return np.maximum.accumulate(columns, axis=0), crossed[chosen]


def _cheapest_paths(cover: NDArray[np.float32]) -> NDArray[np.intp]:
    """Find the cheapest path down each of many overlapping bands; rows of columns, (n, height)."""
    height, width = cover.shape
    reach = SEAM_HEIGHT // 12  # of a wider band, the one cheap way around hides the cuts beside it
    centres = np.arange(reach, width - reach + 1, 3)
    band = np.arange(-reach, reach + 1)
    columns = (centres[:, None] + band).clip(0, width - 1)
    price = cover[:, columns] + (0.15 / SEAM_HEIGHT * np.abs(band)).astype(np.float32)
    padded = np.full((len(centres), len(band) + 2), np.inf, np.float32)
    total = padded[:, 1:-1]  # of the cheapest path so far that ends here
    total[...] = price[0]
    moves = np.zeros(price.shape, np.int8)
    for row in range(1, height):
        left, right = padded[:, :-2] + 0.03, padded[:, 2:] + 0.03
        aside = np.minimum(left, right)
        moves[row] = np.where(aside < total, np.where(left <= right, -1, 1), 0)
        total[...] = np.minimum(aside, total) + price[row]
    place = total.argmin(axis=1)
    each = np.arange(len(centres))
    paths = np.empty((len(centres), height), np.intp)
    for row in range(height - 1, -1, -1):
        paths[:, row] = columns[each, place]
        place = place + moves[row, each, place]
    return paths


def _distinct(paths: NDArray[np.intp], crossed: NDArray[np.float64]) -> list[int]:
    """Choose cheap paths that differ from each other; return their indices from left to right."""
    chosen: list[int] = []
    for index in np.argsort(crossed, kind="stable"):
        if crossed[index] > MOST_CROSSED:
            break
        apart = [np.abs(paths[index] - paths[other]).mean() for other in chosen]
        if min(apart, default=np.inf) > 0.1 * SEAM_HEIGHT:
            chosen.append(int(index))
    return sorted(chosen, key=lambda index: paths[index].mean())


def _side_of(seams: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Number every pixel by how many seams lie left of it, (h, w)."""
    sides: NDArray[np.intp] = (np.arange(shape[1]) >= seams[:, :, None]).sum(axis=0)
    return sides if len(seams) else np.zeros(shape, np.intp)


def _runs(pieces: NDArray[np.intp], count: int, usual: float) -> Iterable[tuple[int, int]]:
    """List the runs of neighbouring pieces that are not too wide for a digit."""
    spans = []
    for piece in range(count):
        columns = np.flatnonzero((pieces == piece).any(axis=0))
        spans.append((columns[0], columns[-1] + 1) if len(columns) else None)
    for first in range(count):
        for end in range(first + 1, count + 1):
            inked = [span for span in spans[first:end] if span]
            wide = max(s[1] for s in inked) - min(s[0] for s in inked) if inked else 0
            if end == first + 1 or wide <= WIDEST * usual:
                yield first, end


def _candidate(
    run: tuple[int, int],
    own: NDArray[np.bool_],
    ink: Pixels,
    part: Part,
    usual: float,
    cut_costs: NDArray[np.float64],
) -> Candidate:
    own = _without_crumbs(own)
    left, top, width, height = cv2.boundingRect(own.astype(np.uint8))
    low = LOW_COST * max(0.0, LOW - height / usual)
    return Candidate(
        first=run[0],
        end=run[1],
        left=part.left + left,
        top=part.top + top,
        width=width,
        height=height,
        image=_normalised(ink, own),
        cost=float(low + cut_costs[run[0]] + cut_costs[run[1]]),
    )


def _without_crumbs(own: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Drop what a cut left over from the neighbour: pieces far smaller than the main one."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(own.astype(np.uint8))
    if count <= 2:
        return own
    keep = stats[:, 4] >= 0.08 * stats[1:, 4].max()
    keep[0] = False
    kept: NDArray[np.bool_] = keep[labels]
    return kept


def _normalised(ink: Pixels, own: NDArray[np.bool_]) -> Pixels:
    """Bring the strokes under a mask to MNIST's form, uint8 (28, 28)."""
    if not own.any():
        return np.zeros((SIDE, SIDE), np.uint8)
    return fit_box(even_strokes(enlarge(ink, own.astype(np.uint8))))
