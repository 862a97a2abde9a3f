"""Read numbers from many picture files: where each digit is, and which one it is."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pipeline.digits.preprocessing.decoding import Picture, read_picture
from pipeline.digits.preprocessing.finding import name_below
from pipeline.digits.preprocessing.pixels import resize
from pipeline.digits.preprocessing.streaming import in_chunks
from pipeline.digits.recognition.digit import Status, why_unread, with_thumbnails
from pipeline.digits.recognition.lines.finding import Page, find_lines
from pipeline.digits.recognition.page import DigitBox, PageReading, ReadsLines, read_page
from pipeline.system.arrays import Pixels

NUMBER_THUMBNAIL_SIDE = 512  # longest side of the picture as shown, in pixels
LARGER = 8  # times the memory of a picture of one digit, about, is that of a page


@dataclass(frozen=True)
class NumberPrediction:
    """The answer for one picture file, as `Prediction` is for a single digit.

    Attributes:
        file: Path relative to the root, with forward slashes.
        digit: The digits read, lines joined by a space; None if there are none.
        confidence: Probability that all of them are right, 0..1; 0 if there is none.
        second: The next likeliest text; None if there is none.
        second_confidence: The probability of the line that differs in it, 0..1.
        status: "ok", "unsure" (below the threshold, doubted, or nothing found) or "error".
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
    second: str | None
    second_confidence: float
    status: Status
    detail: str
    digits: tuple[DigitBox, ...] = ()
    doubts: tuple[str, ...] = ()
    thumbnail: Pixels | None = None
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class _Opened:
    """What is to be read in one picture file, or why it cannot be.

    Attributes:
        file: As in `NumberPrediction`, as are `thumbnail` and `size`.
        page: None if the file cannot be read.
        scale: Pixels of the file to one of the page.
        note: What was left out of the file, or why it cannot be read; one line, may be empty.
    """

    file: str
    page: Page | None
    note: str
    thumbnail: Pixels | None = None
    size: tuple[int, int] = (0, 0)
    scale: float = 1.0


def recognise_numbers(
    paths: Sequence[Path],
    root: Path,
    reader: ReadsLines,
    *,
    unsure_below: float,
    chunk_size: int,
    thumbnails: int = 0,
) -> Iterator[NumberPrediction]:
    """Read numbers from picture files, one prediction a file in the order given.

    Memory does not grow with the number of files. Their lines are found on all cores.

    Args:
        paths: Picture files.
        root: Folder that `NumberPrediction.file` is relative to.
        reader: What reads lines.
        unsure_below: Confidence, 0..1, below which an answer counts as "unsure".
        chunk_size: Pictures a batch, were there one digit in each.
        thumbnails: How many predictions, the first ones, show the picture.
    """
    work = partial(_open_file, root=root)
    asked = with_thumbnails(paths, thumbnails)
    for opened in in_chunks(work, asked, -(-chunk_size // LARGER), by_processes=True):
        for each in opened:
            yield _predict(each, reader, unsure_below)


def read_numbers(
    file: str, decode: Callable[[], Picture], reader: ReadsLines, *, unsure_below: float
) -> NumberPrediction:
    """Read the numbers of one picture.

    Args:
        file: As in `NumberPrediction`.
        decode: Returns the picture, or raises a PictureError.
        reader: What reads lines.
        unsure_below: Confidence, 0..1, below which an answer counts as "unsure".
    """
    return _predict(_open(file, decode, thumbnail=False), reader, unsure_below)


def _open_file(asked: tuple[Path, bool], root: Path) -> _Opened:
    path, thumbnail = asked
    return _open(name_below(root, path), partial(read_picture, path), thumbnail=thumbnail)


def _open(file: str, decode: Callable[[], Picture], *, thumbnail: bool) -> _Opened:
    try:
        picture = decode()
        longest = max(picture.pixels.shape[:2])
        small = (
            resize(picture.pixels, min(1.0, NUMBER_THUMBNAIL_SIDE / longest)) if thumbnail else None
        )
        page, scale = find_lines(picture.pixels), max(picture.size) / longest
        return _Opened(file, page, picture.note, small, picture.size, scale)
    except Exception as error:  # one picture must not stop all the others
        return _Opened(file, None, why_unread(error))


def _predict(opened: _Opened, reader: ReadsLines, unsure_below: float) -> NumberPrediction:
    if opened.page is None:
        return NumberPrediction(opened.file, None, 0.0, None, 0.0, "error", opened.note)
    reading = read_page(opened.page, reader)
    doubt = _doubt(reading, unsure_below)
    return NumberPrediction(
        file=opened.file,
        digit=reading.text or None,
        confidence=reading.confidence,
        second=reading.second or None,
        second_confidence=reading.second_confidence,
        status="unsure" if doubt else "ok",
        detail="; ".join(part for part in (doubt, opened.note) if part),
        digits=tuple(_scaled(box, opened.scale) for box in reading.digits),
        doubts=tuple(box.doubt if box.confidence < unsure_below else "" for box in reading.digits),
        thumbnail=opened.thumbnail,
        size=opened.size,
    )


def _doubt(reading: PageReading, unsure_below: float) -> str:
    """Say in one line why a reading is unsure; empty if it is not."""
    if reading.doubts:
        return "; ".join(reading.doubts)
    if reading.confidence >= unsure_below:
        return ""
    return f"could also be {reading.second}" if reading.second else "hardly a number"


def _scaled(box: DigitBox, scale: float) -> DigitBox:
    return replace(
        box,
        left=round(box.left * scale),
        top=round(box.top * scale),
        width=round(box.width * scale),
        height=round(box.height * scale),
    )
