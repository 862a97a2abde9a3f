"""Many picture files to digits: decoded and brought to MNIST's form on all cores, classified."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.decoding import Picture, PictureError, read_picture
from pipeline.digits.preprocessing.finding import name_below
from pipeline.digits.preprocessing.normalise import read_digit
from pipeline.digits.preprocessing.pixels import shrink_to
from pipeline.digits.preprocessing.streaming import in_chunks
from pipeline.system.errors import kind_and_words

THUMBNAIL = 96

Status = Literal["ok", "unsure", "error"]


class DigitClassifier(Protocol):
    """Whatever gives probabilities for digits, as `inference.classifier.Classifier` does."""

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return probabilities, shape (n, classes), for uint8 images of shape (n, 28, 28)."""
        ...


@dataclass(frozen=True)
class Prediction:
    """The answer for one picture file.

    Attributes:
        file: Path relative to the root, with forward slashes.
        digit: The likeliest digit; None if the picture could not be read.
        confidence: Its probability, 0..1.
        second: The next likeliest digit; None if the picture could not be read.
        second_confidence: Its probability, 0..1.
        status: "ok", "unsure" (below the threshold, or hardly a single digit) or "error".
        detail: Why it is not "ok", or what else one should know; one line, may be empty.
        image: uint8 (28, 28), what the network saw; None if it saw nothing.
        thumbnail: uint8 (h, w) or (h, w, 3), the picture as given, at most THUMBNAIL large; None
            if it could not be read, or none was asked for.
        probabilities: float32 (10,), what the network says of every digit; None as for `image`.
    """

    file: str
    digit: int | None
    confidence: float
    second: int | None
    second_confidence: float
    status: Status
    detail: str
    image: NDArray[np.uint8] | None
    thumbnail: NDArray[np.uint8] | None
    probabilities: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Sheet:
    """One picture on its way to the network: its file, and what reading it brought.

    Attributes:
        file: What it is called in its `Prediction`.
        image: uint8 (28, 28), what the network is to see; None if it could not be read.
        thumbnail: As in `Prediction`.
        doubt: Why it could not be read, or is hardly a single digit; one line, may be empty.
        note: What else one should know; one line, may be empty.
    """

    file: str
    image: NDArray[np.uint8] | None = None
    thumbnail: NDArray[np.uint8] | None = None
    doubt: str = ""
    note: str = ""


def recognise(
    paths: Sequence[Path],
    root: Path,
    classifier: DigitClassifier,
    *,
    unsure_below: float,
    chunk_size: int,
    thumbnails: int = 0,
) -> Iterator[Prediction]:
    """Read digits from picture files, one prediction a file in the order given.

    Memory does not grow with the number of files: while one chunk is classified the next is
    read, and no more than three are held.

    Args:
        paths: Picture files.
        root: Folder that `Prediction.file` is relative to.
        classifier: What tells digits apart.
        unsure_below: Confidence, 0..1, below which an answer counts as "unsure".
        chunk_size: Pictures a batch.
        thumbnails: How many predictions, the first ones, show the picture.
    """
    to_sheet = partial(_read_sheet, root=root)
    asked = with_thumbnails(paths, thumbnails)
    for sheets in in_chunks(to_sheet, asked, chunk_size, by_processes=True):
        yield from classify(sheets, classifier, unsure_below)


def with_thumbnails(paths: Sequence[Path], count: int) -> list[tuple[Path, bool]]:
    """Say with each path whether a thumbnail is wanted: of so many at the start."""
    return [(path, number < count) for number, path in enumerate(paths)]


def _read_sheet(asked: tuple[Path, bool], root: Path) -> Sheet:
    path, thumbnail = asked
    return read_sheet(name_below(root, path), partial(read_picture, path), thumbnail)


def read_sheet(file: str, open_picture: Callable[[int], Picture], thumbnail: bool) -> Sheet:
    """Bring a picture to MNIST's form; whatever goes wrong becomes the reason of its `doubt`.

    Args:
        file: What it is called in its `Prediction`.
        open_picture: As for `read_digit`.
        thumbnail: Whether one is wanted.
    """
    try:
        picture, reading = read_digit(open_picture)
        small = shrink_to(picture.pixels, THUMBNAIL) if thumbnail else None
    except Exception as error:
        return Sheet(file, doubt=why_unread(error))
    return Sheet(file, reading.image, small, reading.trouble, picture.note)


def why_unread(error: Exception) -> str:
    """Say in one line why a picture could not be read; it must not stop all the others."""
    if isinstance(error, PictureError):
        return str(error)
    return f"cannot be read: {kind_and_words(error, 150)}"  # out of memory, say


def classify(
    sheets: Sequence[Sheet], classifier: DigitClassifier, unsure_below: float
) -> Iterator[Prediction]:
    """Let the network answer for all sheets at once; one prediction a sheet, in order."""
    images = [sheet.image for sheet in sheets if sheet.image is not None]
    answers = iter(classifier.probabilities(np.stack(images))) if images else iter(())
    for sheet in sheets:
        if sheet.image is None:
            yield Prediction(sheet.file, None, 0.0, None, 0.0, "error", sheet.doubt, None, None)
        else:
            yield _answer(sheet, next(answers), unsure_below)


def _answer(sheet: Sheet, probabilities: NDArray[np.float32], unsure_below: float) -> Prediction:
    second, first = (int(digit) for digit in np.argsort(probabilities)[-2:])
    confidence = float(probabilities[first])
    doubt = sheet.doubt
    if not doubt and confidence < unsure_below:
        either = confidence + float(probabilities[second])
        doubt = f"could also be {second}" if either >= unsure_below else "hardly a digit"
    return Prediction(
        file=sheet.file,
        digit=first,
        confidence=confidence,
        second=second,
        second_confidence=float(probabilities[second]),
        status="unsure" if doubt else "ok",
        detail="; ".join(part for part in (doubt, sheet.note) if part),
        image=sheet.image,
        thumbnail=sheet.thumbnail,
        probabilities=probabilities,
    )
