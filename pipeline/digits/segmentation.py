"""Where the digits of a picture may be: ink to lines, lines to groups, groups to candidates.

Where digits may touch, more cuts than needed are proposed; whoever knows digits chooses among them.
This is over-segmentation with recognition, as surveyed by R. G. Casey and E. Lecolinet, "A survey
of methods and strategies in character segmentation", IEEE PAMI 18(7), 1996.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.reading import (
    FAINTEST,
    SIDE,
    TINY,
    Marks,
    Pixels,
    enlarge,
    even_strokes,
    find_marks,
    fit,
    flatten,
    ink_is_dark,
    stroke_width,
    to_gray,
    without_lines,
)
from pipeline.digits.touching import Box, Row, as_row

Labels = NDArray[np.int32]
Steps = tuple[tuple[str, NDArray[np.generic]], ...]

MOST_SHOWN = 8
# Clarity, of the picture at its own size: noise had less than 7, composed numbers and pictures of
# digits more than 11, faint ones under strong grain 9.
NOISY = 8.0
MOST_PARTS = 300  # a page of print or of noise is not searched for ever

# Shares of the height of the digits around.
SPECK = 0.15
LOWEST = 0.3  # digits of the smallest line, by those of the usual one
SMALL = 0.45  # what is lower in a line is no digit of its own: a dot, a dash, a bar of a 5
RULE = 1.5  # a straight stroke this long is a rule of a table, or the edge of the sheet
TOUCHING = 0.7  # what is wider may be two digits that touch
WIDEST = 1.5  # a single digit is no wider

# What these numbers and those below are worth, `python -m benchmarks.whole_numbers` measures.

# Which parts are one digit: again shares of that height, where nothing else is said.
APART = 0.2  # parts that are further above each other are two digits
HIGHEST = 1.3  # a single digit is no higher
FULL = 0.75  # a part this high is a digit of its own, unless it lies across another:
LAPPED = 0.75  # with more of the narrower one's width in common
BROAD = 1.1  # and together no wider
STACKED = 0.5  # lower parts need this much of the narrower one's width in common
BAR_END = 0.4  # the bar of a 5 ends within this upper share of the rest of the 5
BAR_GAP = 0.08  # how far it may stand beside the rest
BAR_WIDTH = 0.2  # it is no shorter; with the rest it is no wider than a digit is high

# Which straight strokes between digits are slashes, and not ones.
STRAIGHT = 0.42  # stroke widths that the ink spreads across; of an even stroke, 1 / sqrt(12)
SLASH_LEAN = 0.15  # pixels to the right a pixel up, and more
SLASH_HEIGHT = 1.25  # and so many times the usual height of the rest of the line

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


@dataclass(frozen=True)
class _Part:
    """One or more connected components: their labels and their common box in pixels."""

    labels: tuple[int, ...]
    left: int
    top: int
    right: int
    bottom: int
    straight: bool = False
    lean: float = 0.0

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def length(self) -> float:
        return float(np.hypot(self.width, self.height))


def lay_out(picture: Pixels) -> Layout:
    """Find the lines of a picture, and what their digits may be.

    Args:
        picture: uint8, (h, w) grey or (h, w, 3) RGB, of either polarity.
    """
    ink, steps = _ink(picture)
    marks = find_marks(ink)
    found = _no_specks(marks) if marks.contrast >= FAINTEST else []
    parts = _without_rules(_parts(marks, found[:MOST_PARTS]), ink.shape)
    left_out = len(found[MOST_PARTS:])
    lines = [_merge(line) for line in _lines(parts)]
    kept = [_without_separators(line) for line in lines]
    groups = [
        tuple(_group(part, _height(line), marks.labels, ink) for part in line) for line in kept
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


# --- ink ------------------------------------------------------------------------------------


def _ink(picture: Pixels) -> tuple[Pixels, Steps]:
    gray = to_gray(picture)
    paper = gray if ink_is_dark(gray) else 255 - gray
    flat = flatten(paper, shaded=max(paper.shape) > TINY)
    ink = without_lines(flat)
    return ink, (
        ("picture", picture),
        ("grey", gray),
        ("dark on light", paper),
        ("flattened", flat),
        ("lines dropped", ink),
    )


def _no_specks(marks: Marks) -> list[int]:
    """Return the indices of the marks, the largest first; specks unlike the rest are left out."""
    heights, areas = marks.boxes[:, 3], marks.boxes[:, 4]
    order = np.argsort(heights)
    heaped = np.cumsum(areas[order])
    usual = heights[order[np.searchsorted(heaped, heaped[-1] / 2)]]  # half of the ink is lower
    found = np.flatnonzero((marks.boxes[:, 2:4].max(axis=1) >= SPECK * usual) & (areas >= 4))
    indices: list[int] = found[np.argsort(-areas[found])].tolist()
    return indices


def _parts(marks: Marks, chosen: Sequence[int]) -> list[_Part]:
    return [_part(index + 1, marks.labels, marks.boxes[index]) for index in chosen]


def _part(label: int, labels: Labels, stats: NDArray[np.int32]) -> _Part:
    """Measure a mark: whether it is a straight stroke, and how much it leans to the right."""
    left, top, width, height = (int(value) for value in stats[:4])
    own = (labels[top : top + height, left : left + width] == label).astype(np.uint8) * 255
    m = cv2.moments(own, binaryImage=True)
    across, slant, down = m["mu20"] / m["m00"], m["mu11"] / m["m00"], m["mu02"] / m["m00"]
    # The spread of the ink across its main direction.
    spread = np.sqrt(max((across + down) / 2 - np.hypot((across - down) / 2, slant), 0.0))
    return _Part(
        labels=(label,),
        left=left,
        top=top,
        right=left + width,
        bottom=top + height,
        straight=bool(spread <= STRAIGHT * max(stroke_width(own), 1.0)),
        lean=-slant / max(down, 0.1),
    )


def _without_rules(parts: list[_Part], shape: tuple[int, ...]) -> list[_Part]:
    """Drop rules, frames and edges of the sheet."""
    if not parts:
        return []
    usual = _height(parts)
    kept = [
        part
        for part in parts
        if not (part.straight and part.length > RULE * usual) and not _is_frame(part, parts, shape)
    ]
    return kept or parts


def _is_frame(part: _Part, parts: list[_Part], shape: tuple[int, ...]) -> bool:
    """Say whether a part has most of the others inside its box, or runs around the picture."""
    inside = sum(
        part.left < other.left
        and other.right < part.right
        and part.top < other.top
        and other.bottom < part.bottom
        for other in parts
    )
    around = part.width >= 0.9 * shape[1] and part.height >= 0.9 * shape[0]
    return len(parts) > 2 and (around or inside > 0.5 * (len(parts) - 1))


def _height(parts: Sequence[_Part]) -> float:
    """Return the usual height of the digits among some parts, in pixels."""
    heights = np.array([part.height for part in parts])
    return float(np.median(heights[heights >= 0.5 * np.percentile(heights, 90)]))


# --- lines ----------------------------------------------------------------------------------


def _lines(parts: list[_Part]) -> list[list[_Part]]:
    """Group parts into lines from the top; each goes with its nearest neighbour to the right."""
    usual = _height(parts) if parts else 0.0
    digits = sorted(
        (part for part in parts if part.height >= LOWEST * usual), key=lambda part: part.left
    )
    lines: list[list[_Part]] = []
    for part in digits:
        beside = [line for line in lines if _overlap_down(line[-1], part) >= 0.5]
        if beside:
            max(beside, key=lambda line: line[-1].right).append(part)
        else:
            lines.append([part])
    for part in parts:
        if part.height < LOWEST * usual:
            min(lines, key=lambda line: _distance(line, part)).append(part)
    return sorted(lines, key=lambda line: np.mean([part.top + part.bottom for part in line]))


def _overlap_down(one: _Part, other: _Part) -> float:
    """Return the common vertical extent as a share of the lower one's height."""
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared / min(one.height, other.height)


def _overlap_across(one: _Part, other: _Part) -> float:
    """Return the common horizontal extent as a share of the narrower one's width."""
    shared = min(one.right, other.right) - max(one.left, other.left)
    return shared / min(one.width, other.width)


def _distance(line: list[_Part], part: _Part) -> float:
    """Return how far a part is from the nearest part of a line, in pixels."""
    return min(float(np.hypot(*_gaps(other, part))) for other in line)


def _gaps(one: _Part, other: _Part) -> tuple[int, int]:
    """Return the empty space between two boxes across and down, 0 where they overlap."""
    across = max(one.left, other.left) - min(one.right, other.right)
    down = max(one.top, other.top) - min(one.bottom, other.bottom)
    return max(across, 0), max(down, 0)


def _merge(line: list[_Part]) -> list[_Part]:
    """Join the parts of one digit: what lies above each other, and the bar beside a 5."""
    usual = _height(line)
    merged: list[_Part] = []
    for part in sorted(line, key=lambda part: -part.height):
        home = next((other for other in merged if _belongs(part, other, usual)), None)
        if home is not None:
            merged.remove(home)
            merged.append(_joined(home, part))
        elif part.height >= SMALL * usual:
            merged.append(part)
    return sorted(merged, key=lambda part: part.left + part.right)


def _belongs(part: _Part, other: _Part, usual: float) -> bool:
    """Say whether a part is of the same digit as another that is at least as high."""
    across, down = _gaps(part, other)
    both = _joined(part, other)
    if down > APART * usual or both.height > HIGHEST * usual:
        return False
    if part.height >= FULL * usual:
        return _overlap_across(part, other) > LAPPED and both.width <= BROAD * usual
    is_bar = part.height < SMALL * usual and part.bottom < other.top + BAR_END * other.height
    if is_bar and across <= BAR_GAP * usual and part.width >= BAR_WIDTH * usual:
        return both.width <= usual
    return _overlap_across(part, other) >= STACKED


def _joined(one: _Part, other: _Part) -> _Part:
    return _Part(
        labels=one.labels + other.labels,
        left=min(one.left, other.left),
        top=min(one.top, other.top),
        right=max(one.right, other.right),
        bottom=max(one.bottom, other.bottom),
    )


def _without_separators(line: list[_Part]) -> list[_Part]:
    """Drop slashes, which stand between digits: at an end of the line it is a 1."""
    between = range(1, len(line) - 1)
    return [
        part
        for place, part in enumerate(line)
        if not (place in between and _is_separator(part, line))
    ]


def _is_separator(part: _Part, line: list[_Part]) -> bool:
    """Say whether a part is a slash: straight, leaning to the right, higher than the rest."""
    if not part.straight or part.lean <= SLASH_LEAN:
        return False
    return part.height > SLASH_HEIGHT * _height([other for other in line if other is not part])


# --- cuts and candidates --------------------------------------------------------------------


def _group(part: _Part, usual: float, labels: Labels, ink: Pixels) -> Group:
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
    part: _Part,
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
    return fit(even_strokes(enlarge(ink, own.astype(np.uint8))))


def _shown(rows: Sequence[Pixels]) -> Steps:
    """Show what may be several digits as the network for rows gets it, the first few of them."""
    shown = rows[:MOST_SHOWN]
    if not shown:
        return ()
    width = max(row.shape[1] for row in shown)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in shown]
    return (("as rows", np.vstack(padded)),)


def _painted(labels: Labels, lines: list[list[_Part]]) -> Pixels:
    """Draw every group in a grey of its own, for the eye."""
    shades = np.zeros(int(labels.max()) + 1, np.uint8)
    for line in lines:
        for number, part in enumerate(line):
            shades[list(part.labels)] = 255 - 60 * (number % 3)
    return shades[labels]
