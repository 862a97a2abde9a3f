"""The connected parts of a picture's ink, without rules, frames and specks."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.form import stroke_width
from pipeline.digits.preprocessing.ink import flatten, ink_is_dark, to_gray
from pipeline.digits.preprocessing.marks import Marks, without_lines
from pipeline.digits.preprocessing.normalise import Steps
from pipeline.system.arrays import Pixels

PartLabels = NDArray[np.int32]
# Clarity, of the picture at its own size: noise had less than 7, composed numbers and pictures of
# digits more than 11, faint ones under strong grain 9.
NOISY = 8.0
MOST_PARTS = 300  # or a page of print or of noise would take for ever

# Shares of the height of the digits around.
SPECK = 0.15
LOWEST = 0.3  # digits of the smallest line, by those of the usual one
SMALL = 0.45  # what is lower in a line is no digit of its own: a dot, a dash, a bar of a 5
RULE = 1.5  # a straight stroke this long is a rule of a table, or the edge of the sheet
TOUCHING = 0.7  # what is wider may be two digits that touch
WIDEST = 1.5  # a single digit is no wider
STRAIGHT = 0.42  # stroke widths that the ink spreads across; of an even stroke, 1 / sqrt(12)


@dataclass(frozen=True)
class Part:
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
        """Width of its box in pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Height of its box in pixels."""
        return self.bottom - self.top

    @property
    def length(self) -> float:
        """Diagonal of its box in pixels."""
        return float(np.hypot(self.width, self.height))


# --- ink ------------------------------------------------------------------------------------


def find_ink(picture: Pixels) -> tuple[Pixels, Steps]:
    """Return the ink of a picture, uint8 (h, w), and the steps on the way to it."""
    gray = to_gray(picture)
    paper = gray if ink_is_dark(gray) else 255 - gray
    flat = flatten(paper)
    ink = without_lines(flat)
    return ink, (
        ("picture", picture),
        ("grey", gray),
        ("dark on light", paper),
        ("flattened", flat),
        ("lines dropped", ink),
    )


def no_specks(marks: Marks) -> list[int]:
    """Return the indices of the marks, the largest first; specks unlike the rest are left out."""
    heights, areas = marks.boxes[:, 3], marks.boxes[:, 4]
    order = np.argsort(heights)
    heaped = np.cumsum(areas[order])
    usual = heights[order[np.searchsorted(heaped, heaped[-1] / 2)]]  # half of the ink is lower
    found = np.flatnonzero((marks.boxes[:, 2:4].max(axis=1) >= SPECK * usual) & (areas >= 4))
    indices: list[int] = found[np.argsort(-areas[found])].tolist()
    return indices


def find_parts(marks: Marks, chosen: Sequence[int]) -> list[Part]:
    """Make a part of each of the chosen marks."""
    return [_part(index + 1, marks.labels, marks.boxes[index]) for index in chosen]


def _part(label: int, labels: PartLabels, stats: NDArray[np.int32]) -> Part:
    """Measure a mark: whether it is a straight stroke, and how much it leans to the right."""
    left, top, width, height = (int(value) for value in stats[:4])
    own = (labels[top : top + height, left : left + width] == label).astype(np.uint8) * 255
    m = cv2.moments(own, binaryImage=True)
    across, slant, down = m["mu20"] / m["m00"], m["mu11"] / m["m00"], m["mu02"] / m["m00"]
    # The spread of the ink across its main direction.
    spread = np.sqrt(max((across + down) / 2 - np.hypot((across - down) / 2, slant), 0.0))
    return Part(
        labels=(label,),
        left=left,
        top=top,
        right=left + width,
        bottom=top + height,
        straight=bool(spread <= STRAIGHT * max(stroke_width(own), 1.0)),
        lean=-slant / max(down, 0.1),
    )


def without_rules(parts: list[Part], shape: tuple[int, ...]) -> list[Part]:
    """Drop rules, frames and edges of the sheet."""
    if not parts:
        return []
    usual = typical_height(parts)
    kept = [
        part
        for part in parts
        if not (part.straight and part.length > RULE * usual) and not _is_frame(part, parts, shape)
    ]
    return kept or parts


def _is_frame(part: Part, parts: list[Part], shape: tuple[int, ...]) -> bool:
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


def typical_height(parts: Sequence[Part]) -> float:
    """Return the usual height of the digits among some parts, in pixels."""
    heights = np.array([part.height for part in parts])
    return float(np.median(heights[heights >= 0.5 * np.percentile(heights, 90)]))
