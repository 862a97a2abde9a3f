"""Read numbers from many picture files: where each digit is, and which one it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.inference.metrics import two_likeliest
from pipeline.digits.preprocessing.decoding import read_picture
from pipeline.digits.preprocessing.finding import name_below
from pipeline.digits.preprocessing.pixels import resize
from pipeline.digits.preprocessing.streaming import in_chunks
from pipeline.digits.recognition.candidates import Group
from pipeline.digits.recognition.choosing import are_several, best_cuts, usual_widths
from pipeline.digits.recognition.digit import DigitClassifier, Status, why_unread, with_thumbnails
from pipeline.digits.recognition.layout import lay_out
from pipeline.digits.recognition.rows import NONE, Found
from pipeline.digits.recognition.touching import Box, boxes_along

NUMBER_THUMBNAIL_SIDE = 512  # longest side of the picture as shown, in pixels


class DigitRowReader(Protocol):
    """Whatever reads rows, as `pipeline.digits.recognition.row_reader.RowReader` does."""

    def read(self, row: NDArray[np.uint8]) -> list[Found]:
        """Return the digits of a row, uint8 (HEIGHT, w), from left to right."""
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
class NumberPrediction:
    """The answer for one picture file, as `Prediction` is for a single digit.

    Attributes:
        file: Path relative to the root, with forward slashes.
        digit: The digits read, lines joined by a space; None if there are none.
        confidence: Probability of the least certain digit, 0..1; 0 if there is none.
        second: What the least certain digit could also be; None if there is none.
        second_confidence: Its probability, 0..1.
        status: "ok", "unsure" (a digit below the threshold, or none found) or "error".
        detail: Why it is not "ok", or what else one should know; one line, may be empty.
        digits: Every digit from top to bottom and left to right, boxes in pixels of the file.
        doubts: Why each of the digits is unsure, in one line; empty where it is not.
        thumbnail: uint8 (h, w) or (h, w, 3), the picture as given, at most
            NUMBER_THUMBNAIL_SIDE large; None if it could not be read, or none was asked for.
        size: Width and height of the picture in the file, upright, in pixels.
    """

    file: str
    digit: str | None
    confidence: float
    second: int | None
    second_confidence: float
    status: Status
    detail: str
    digits: tuple[DigitBox, ...]
    doubts: tuple[str, ...]
    thumbnail: NDArray[np.uint8] | None
    size: tuple[int, int]


@dataclass(frozen=True)
class _LaidOut:
    """What the network is to see of one picture, or why it cannot."""

    file: str
    readable: bool
    lines: tuple[tuple[Group, ...], ...] = ()
    thumbnail: NDArray[np.uint8] | None = None
    size: tuple[int, int] = (0, 0)
    scale: float = 1.0
    trouble: str = ""
    note: str = ""


def text_of(digits: Sequence[DigitBox]) -> list[str]:
    """Return the number in every line, such as ["2026", "31"]."""
    lines = sorted({box.line for box in digits})
    return ["".join(str(box.digit) for box in digits if box.line == line) for line in lines]


def recognise_numbers(
    paths: Sequence[Path],
    root: Path,
    classifier: DigitClassifier,
    *,
    unsure_below: float,
    chunk_size: int,
    thumbnails: int = 0,
    row_reader: DigitRowReader | None = None,
) -> Iterator[NumberPrediction]:
    """Read numbers from picture files, one prediction a file in the order given.

    Memory does not grow with the number of files.

    Args:
        paths: Picture files.
        root: Folder that `NumberPrediction.file` is relative to.
        classifier: What tells digits apart.
        unsure_below: Confidence, 0..1, below which a digit makes the answer "unsure".
        chunk_size: Pictures a batch.
        thumbnails: How many predictions, the first ones, show the picture.
        row_reader: What reads digits that touch without cutting them; None: they are cut.
    """
    work = partial(_lay_out_file, root=root)
    asked = with_thumbnails(paths, thumbnails)
    for pictures in in_chunks(work, asked, chunk_size, by_processes=True):
        found = read_layouts([each.lines for each in pictures], classifier, row_reader)
        for picture, digits in zip(pictures, found, strict=True):
            yield _prediction(picture, digits, unsure_below)


def _lay_out_file(asked: tuple[Path, bool], root: Path) -> _LaidOut:
    path, thumbnail = asked
    file = name_below(root, path)
    try:
        picture = read_picture(path)
        layout = lay_out(picture.pixels)
        longest = max(picture.pixels.shape[:2])
        small = (
            resize(picture.pixels, min(1.0, NUMBER_THUMBNAIL_SIDE / longest)) if thumbnail else None
        )
        return _LaidOut(
            file=file,
            readable=True,
            lines=layout.lines,
            thumbnail=small,
            size=picture.size,
            scale=max(picture.size) / longest,
            trouble=layout.trouble,
            note=picture.note,
        )
    except Exception as error:
        return _LaidOut(file, readable=False, note=why_unread(error))


def _prediction(
    picture: _LaidOut, digits: Sequence[DigitBox], unsure_below: float
) -> NumberPrediction:
    doubts = tuple(box.doubt if box.confidence < unsure_below else "" for box in digits)
    weakest = min(digits, key=lambda box: box.confidence, default=None)
    doubt = "no digit found" if picture.readable else ""
    if weakest:
        doubt = doubts[digits.index(weakest)]
    status: Status = "unsure" if doubt or picture.trouble else "ok"
    return NumberPrediction(
        file=picture.file,
        digit=" ".join(text_of(digits)) or None,
        confidence=weakest.confidence if weakest else 0.0,
        second=weakest.second if weakest else None,
        second_confidence=weakest.second_confidence if weakest else 0.0,
        status=status if picture.readable else "error",
        detail="; ".join(part for part in (picture.trouble, doubt, picture.note) if part),
        digits=tuple(_scaled(box, picture.scale) for box in digits),
        doubts=doubts,
        thumbnail=picture.thumbnail,
        size=picture.size,
    )


def _scaled(box: DigitBox, scale: float) -> DigitBox:
    return replace(
        box,
        left=round(box.left * scale),
        top=round(box.top * scale),
        width=round(box.width * scale),
        height=round(box.height * scale),
    )


def read_layouts(
    layouts: Sequence[tuple[tuple[Group, ...], ...]],
    classifier: DigitClassifier,
    row_reader: DigitRowReader | None = None,
) -> list[list[DigitBox]]:
    """Read the digits of several pictures with one call of the classifier."""
    candidates = [
        candidate
        for lines in layouts
        for line in lines
        for group in line
        for candidate in group.candidates
    ]
    if not candidates:
        return [[] for _ in layouts]
    images = np.stack([each.image for each in candidates])
    answers = iter(classifier.probabilities(images))
    return [_read_lines(lines, answers, row_reader) for lines in layouts]


def _read_lines(
    lines: tuple[tuple[Group, ...], ...],
    answers: Iterator[NDArray[np.float32]],
    row_reader: DigitRowReader | None,
) -> list[DigitBox]:
    boxes = []
    for number, line in enumerate(lines):
        for group in line:
            probabilities = np.stack([next(answers) for _ in group.candidates])
            found = row_reader.read(group.row.image) if row_reader and group.row else []
            boxes += _read_group(group, probabilities, found, number)
    return boxes


def _read_group(
    group: Group, probabilities: NDArray[np.float32], found: Sequence[Found], line: int
) -> list[DigitBox]:
    """Read a group: as a row of several digits, as one, or by the best of its cuts."""
    if group.row and are_several(found, group, probabilities):
        middles = [each.middle for each in found]
        digits = [int(each.probabilities[:NONE].argmax()) for each in found]
        places = boxes_along(group.row, middles, usual_widths(digits))
        return [
            _box(place, line, each.probabilities[:NONE], float(each.probabilities[NONE]))
            for place, each in zip(places, found, strict=True)
        ]
    chosen = [group.whole] if found and group.whole is not None else best_cuts(group, probabilities)
    return [_box(group.candidates[index].box, line, probabilities[index]) for index in chosen]


def _box(place: Box, line: int, probability: NDArray[np.float32], none: float = 0.0) -> DigitBox:
    (first, confidence), (second, second_confidence) = two_likeliest(probability)
    left, top, width, height = place
    return DigitBox(
        left=left,
        top=top,
        width=width,
        height=height,
        line=line,
        digit=first,
        confidence=confidence,
        second=second,
        second_confidence=second_confidence,
        none=none,
    )
