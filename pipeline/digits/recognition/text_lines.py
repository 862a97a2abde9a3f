"""Which parts form a line of writing, and which of its parts are digits."""

import numpy as np

from pipeline.digits.recognition.parts import LOWEST, SMALL, Part, typical_height

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
SLASH_LEAN = 0.15  # pixels to the right a pixel up, and more
SLASH_HEIGHT = 1.25  # and so many times the usual height of the rest of the line


# --- lines ----------------------------------------------------------------------------------


def find_lines(parts: list[Part]) -> list[list[Part]]:
    """Group parts into lines from the top; each goes with its nearest neighbour to the right."""
    usual = typical_height(parts) if parts else 0.0
    digits = sorted(
        (part for part in parts if part.height >= LOWEST * usual), key=lambda part: part.left
    )
    lines: list[list[Part]] = []
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


def _overlap_down(one: Part, other: Part) -> float:
    """Return the common vertical extent as a share of the lower one's height."""
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared / min(one.height, other.height)


def _overlap_across(one: Part, other: Part) -> float:
    """Return the common horizontal extent as a share of the narrower one's width."""
    shared = min(one.right, other.right) - max(one.left, other.left)
    return shared / min(one.width, other.width)


def _distance(line: list[Part], part: Part) -> float:
    """Return how far a part is from the nearest part of a line, in pixels."""
    return min(float(np.hypot(*_gaps(other, part))) for other in line)


def _gaps(one: Part, other: Part) -> tuple[int, int]:
    """Return the empty space between two boxes across and down, 0 where they overlap."""
    across = max(one.left, other.left) - min(one.right, other.right)
    down = max(one.top, other.top) - min(one.bottom, other.bottom)
    return max(across, 0), max(down, 0)


def merge_overlapping(line: list[Part]) -> list[Part]:
    """Join the parts of one digit: what lies above each other, and the bar beside a 5."""
    usual = typical_height(line)
    merged: list[Part] = []
    for part in sorted(line, key=lambda part: -part.height):
        home = next((other for other in merged if _belongs(part, other, usual)), None)
        if home is not None:
            merged.remove(home)
            merged.append(_joined(home, part))
        elif part.height >= SMALL * usual:
            merged.append(part)
    return sorted(merged, key=lambda part: part.left + part.right)


def _belongs(part: Part, other: Part, usual: float) -> bool:
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


def _joined(one: Part, other: Part) -> Part:
    return Part(
        labels=one.labels + other.labels,
        left=min(one.left, other.left),
        top=min(one.top, other.top),
        right=max(one.right, other.right),
        bottom=max(one.bottom, other.bottom),
    )


def without_separators(line: list[Part]) -> list[Part]:
    """Drop slashes, which stand between digits: at an end of the line it is a 1."""
    between = range(1, len(line) - 1)
    return [
        part
        for place, part in enumerate(line)
        if not (place in between and _is_separator(part, line))
    ]


def _is_separator(part: Part, line: list[Part]) -> bool:
    """Say whether a part is a slash: straight, leaning to the right, higher than the rest."""
    if not part.straight or part.lean <= SLASH_LEAN:
        return False
    return part.height > SLASH_HEIGHT * typical_height(
        [other for other in line if other is not part]
    )
