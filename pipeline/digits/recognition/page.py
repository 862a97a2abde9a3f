"""Read a picture of numbers: its lines, a box around every digit, and reasons to doubt."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.normalise import Steps
from pipeline.digits.recognition.boxes import Box, boxes_around, held_by
from pipeline.digits.recognition.lines.cutting import Strips, cut_views
from pipeline.digits.recognition.lines.finding import Line, Page, find_lines
from pipeline.digits.recognition.lines.format import NONE
from pipeline.digits.recognition.lines.reader import Reading
from pipeline.system.arrays import Pixels

HIGH = 0.6  # of a line's usual height: marks that high may be digits
CUT_HIGH = 0.25  # the same at the edge of the picture, which may cut a digit off
NEAR = 0.6  # heights from the middle of a line: what is further off is not of it
MOST_SHOWN = 8


class ReadsLines(Protocol):
    """Whatever reads lines, as `recognition.lines.reader.LineReader` does."""

    def read(self, views: Iterable[Strips]) -> Reading:
        """Read a line from views of it, as many as it takes."""
        ...


@dataclass(frozen=True)
class DigitBox:
    """One digit of a picture.

    Attributes:
        left: Left edge of its box, in pixels of the picture.
        top: Top edge of its box, in pixels of the picture.
        width: Of its box, in pixels.
        height: Of its box, in pixels.
        line: Which line it is in, from 0 at the top.
        digit: The likeliest digit.
        confidence: Its probability, 0..1.
        second: The next likeliest digit.
        second_confidence: Its probability, 0..1.
        none: The probability that it is no digit of its own, 0..1.
    """

    left: int
    top: int
    width: int
    height: int
    line: int
    digit: int
    confidence: float
    second: int
    second_confidence: float
    none: float = 0.0

    @property
    def doubt(self) -> str:
        """What it may be instead, in words."""
        if self.none > self.second_confidence:
            return f"the {self.digit} may be no digit of its own"
        return f"the {self.digit} could also be a {self.second}"


@dataclass(frozen=True)
class PageReading:
    """What a picture says.

    Attributes:
        text: The digits, lines joined by a space; empty if there are none.
        confidence: Probability that all of them are right, 0..1; 0 if there is none.
        second: The same text, with the next likeliest string in its least certain line.
        second_confidence: The probability of that line's string, 0..1.
        digits: From top to bottom and from left to right, in pixels of the picture.
        doubts: Why it may be wrong, beside a low confidence.
    """

    text: str
    confidence: float
    second: str
    second_confidence: float
    digits: tuple[DigitBox, ...]
    doubts: tuple[str, ...]


def read_page(page: Page, reader: ReadsLines) -> PageReading:
    """Read a picture whose lines are found."""
    read = [(line, reader.read(cut_views(page, line))) for line in page.lines]
    readings = [reading for _, reading in read if reading.text]
    digits = [
        box
        for number, (line, reading) in enumerate(
            (line, reading) for line, reading in read if reading.text
        )
        for box in _digits(page, line, reading, number)
    ]
    doubts = [page.trouble, *(_doubt(*each) for each in read), _cut_off(page, digits)]
    second, second_confidence = _second(readings)
    return PageReading(
        text=" ".join(each.text for each in readings),
        confidence=math.prod(each.confidence for _, each in read) if readings else 0.0,
        second=second,
        second_confidence=second_confidence,
        digits=tuple(digits),
        doubts=tuple(doubt for doubt in doubts if doubt),
    )


def _second(readings: Sequence[Reading]) -> tuple[str, float]:
    weakest = min(readings, key=lambda each: each.confidence, default=None)
    if weakest is None:
        return "", 0.0
    texts = [each.second if each is weakest else each.text for each in readings]
    return " ".join(text for text in texts if text), weakest.second_confidence


def _digits(page: Page, line: Line, reading: Reading, number: int) -> list[DigitBox]:
    boxes = boxes_around(line, page.inked, reading.middles)
    return [
        _digit_box(box, number, int(digit), belief)
        for box, digit, belief in zip(boxes, reading.text, reading.beliefs, strict=True)
    ]


def _digit_box(box: Box, line: int, digit: int, belief: NDArray[np.float32]) -> DigitBox:
    others = np.where(np.arange(NONE) == digit, -1, belief[:NONE])
    second = int(others.argmax())
    left, top, width, height = box
    return DigitBox(
        left=left,
        top=top,
        width=width,
        height=height,
        line=line,
        digit=digit,
        confidence=float(belief[digit]),
        second=second,
        second_confidence=float(belief[second]),
        none=float(belief[NONE]),
    )


def _doubt(line: Line, reading: Reading) -> str:
    """Say what ink of a line was read as nothing; empty if none was."""
    if not reading.text:
        return "a line of ink without a digit"
    used = {held_by(line.boxes, middle) for middle in reading.middles}
    unused = [
        box[0]
        for number, box in enumerate(line.boxes.tolist())
        if number not in used and box[3] >= HIGH * line.height
    ]
    if not unused:
        return ""
    return f"ink as high as a digit, at column {unused[0]} of the picture, is read as none"


def _cut_off(page: Page, digits: Sequence[DigitBox]) -> str:
    """Say whether ink at the left or right edge, perhaps the rest of a digit, was read as none."""
    if not page.inked[:, [0, -1]].any():
        return ""
    width = page.inked.shape[1]
    _, _, stats, _ = cv2.connectedComponentsWithStats(page.inked)
    for x, y, w, h, _ in stats[1:].tolist():
        if x > 0 and x + w < width:
            continue
        middle, level = x + w / 2, y + h / 2
        is_read = any(box.left <= middle <= box.left + box.width for box in digits)
        if not is_read and any(_may_be_part(line, middle, level, w, h) for line in page.lines):
            return "ink at the edge of the picture, perhaps of a digit cut off, is read as none"
    return ""


def _may_be_part(line: Line, across: float, down: float, width: int, height: int) -> bool:
    """Say whether a mark of some size, with its middle at a place, may be of a line's digit."""
    off = abs(down - line.middle - line.rise * across)
    return height >= CUT_HIGH * line.height > 0 and max(width, off / NEAR) < line.height


def steps_to_lines(picture: Pixels) -> Steps:
    """Return name and array of every step from a picture to what the network sees of its lines."""
    page = find_lines(picture)
    shown = [next(cut_views(page, line)).images[0] for line in page.lines[:MOST_SHOWN]]
    width = max((strip.shape[1] for strip in shown), default=0)
    padded = [
        np.pad(strip, ((0, 0), (0, width - strip.shape[1])), constant_values=255) for strip in shown
    ]
    seen = (("lines as the network sees them", np.vstack(padded)),) if padded else ()
    return (("grey", page.gray), ("ink", 255 * page.inked), *seen)
