"""Read a picture of numbers: its lines, a box around every digit, and reasons to doubt."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.normalise import Steps
from pipeline.digits.recognition.boxes import Box, boxes_around, held_by
from pipeline.digits.recognition.lines.cutting import Strips, cut_views
from pipeline.digits.recognition.lines.finding import Line, find_lines
from pipeline.digits.recognition.lines.format import NONE
from pipeline.digits.recognition.lines.reader import Reading
from pipeline.system.arrays import Pixels

HIGH = 0.6  # of a line's usual height: marks that high may be digits
MOST_SHOWN = 8


class ReadsLines(Protocol):
    """Whatever reads lines, as `recognition.lines.reader.LineReader` does."""

    def read(self, views: Sequence[Strips]) -> Reading:
        """Read a line from several views of it."""
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
class CutPage:
    """A picture whose lines are cut out.

    Attributes:
        lines: From top to bottom, each with the views of it that the network takes.
        inked: uint8 (h, w), 1 where there is ink, 0 elsewhere.
        trouble: Why it can hardly be read; empty if nothing speaks against it.
    """

    lines: tuple[tuple[Line, tuple[Strips, ...]], ...]
    inked: Pixels
    trouble: str


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


def cut_page(picture: Pixels) -> CutPage:
    """Find the lines of a picture and cut them out.

    Args:
        picture: uint8, (h, w) grey or (h, w, 3) RGB, of either polarity.
    """
    page = find_lines(picture)
    lines = tuple((line, cut_views(page, line)) for line in page.lines)
    return CutPage(lines, page.inked, page.trouble)


def read_page(page: CutPage, reader: ReadsLines) -> PageReading:
    """Read a picture whose lines are cut out."""
    read = [(line, reader.read(views)) for line, views in page.lines]
    readings = [reading for _, reading in read if reading.text]
    digits = [
        box
        for number, (line, reading) in enumerate(
            (line, reading) for line, reading in read if reading.text
        )
        for box in _digits(page, line, reading, number)
    ]
    doubts = [page.trouble, *(_doubt(*each) for each in read)]
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


def _digits(page: CutPage, line: Line, reading: Reading, number: int) -> list[DigitBox]:
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


def steps_to_lines(picture: Pixels) -> Steps:
    """Return name and array of every step from a picture to what the network sees of its lines."""
    page = find_lines(picture)
    shown = [cut_views(page, line)[0].images[0] for line in page.lines[:MOST_SHOWN]]
    width = max((strip.shape[1] for strip in shown), default=0)
    padded = [
        np.pad(strip, ((0, 0), (0, width - strip.shape[1])), constant_values=255) for strip in shown
    ]
    seen = (("lines as the network sees them", np.vstack(padded)),) if padded else ()
    return (("grey", page.gray), ("ink", 255 * page.inked), *seen)
