"""Read one digit from each of many picture files: decode, normalise and classify them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.inference.metrics import two_likeliest
from pipeline.digits.preprocessing.decoding import Picture, PictureError, read_picture
from pipeline.digits.preprocessing.finding import name_below
from pipeline.digits.preprocessing.normalise import decode_and_normalise
from pipeline.digits.preprocessing.pixels import shrink_to
from pipeline.digits.preprocessing.streaming import in_chunks
from pipeline.digits.recognition.choosing import Reading, choose, reading_of
from pipeline.system.arrays import Pixels
from pipeline.system.errors import type_and_message

THUMBNAIL_SIDE = 96  # longest side of the picture as shown, in pixels

Status = Literal["ok", "unsure", "error"]


class DigitClassifier(Protocol):
    """Anything that classifies digits, as `inference.classifier.Classifier` does."""

    def digit_probabilities(self, images: Pixels) -> NDArray[np.float32]:
        """Return the probability of each digit, (n, classes), for uint8 images (n, 28, 28).

        What they lack to 1 is the probability that there is none.
        """
        ...


@dataclass(frozen=True)
class Prediction:
    """The answer for one picture file.

    Attributes:
        file: Path relative to the root, with forward slashes.
        digit: The most probable digit; None if the picture could not be read.
        confidence: Its probability, 0..1.
        second: The second most probable digit; None if the picture could not be read.
        second_confidence: Its probability, 0..1.
        status: "ok", "unsure" (below the threshold, or probably not a single digit) or "error".
        detail: Why it is not "ok", and what was left out of the file; one line, may be empty.
        image: uint8 (28, 28), what the network saw; of several readings, the one that counted most.
            None if the picture could not be read.
        thumbnail: uint8 (h, w) or (h, w, 3), the original picture, at most THUMBNAIL_SIDE large;
            None if it could not be read, or no thumbnail was wanted.
        probabilities: float32 (10,), of every digit; None as for `image`.
        of_a_digit: The probability that there is a digit at all, 0..1; the others are those if
            there is one.
    """

    file: str
    digit: int | None
    confidence: float
    second: int | None
    second_confidence: float
    status: Status
    detail: str
    image: Pixels | None
    thumbnail: Pixels | None
    probabilities: NDArray[np.float32] | None = None
    of_a_digit: float = 0.0


@dataclass(frozen=True)
class NetworkInput:
    """What the network sees of one picture, or why it cannot.

    Attributes:
        file: As in `Prediction`.
        readings: What may be the digit, the usual first; none if the picture could not be read.
        thumbnail: As in `Prediction`.
        note: Why it could not be read, or what was left out of the file; one line, may be empty.
    """

    file: str
    readings: tuple[Reading, ...] = ()
    thumbnail: Pixels | None = None
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
    """Read a digit from each picture file; yield the predictions in the order of the files.

    Memory does not grow with the number of files: while one chunk is classified, the next is
    prepared, and at most three are held.

    Args:
        paths: Picture files.
        root: Folder that `Prediction.file` is relative to.
        classifier: The network that classifies the digits.
        unsure_below: Confidence, 0..1, below which an answer counts as "unsure".
        chunk_size: Pictures per batch.
        thumbnails: How many of the first predictions get a thumbnail.
    """
    work = partial(_prepare_file, root=root)
    files = with_thumbnails(paths, thumbnails)
    for inputs in in_chunks(work, files, chunk_size, by_processes=True):
        yield from classify(inputs, classifier, unsure_below)


def with_thumbnails(paths: Sequence[Path], count: int) -> list[tuple[Path, bool]]:
    """Pair each path with whether a thumbnail is wanted: the first `count` get one."""
    return [(path, number < count) for number, path in enumerate(paths)]


def _prepare_file(file: tuple[Path, bool], root: Path) -> NetworkInput:
    path, thumbnail = file
    return prepare(name_below(root, path), partial(read_picture, path), thumbnail=thumbnail)


def prepare(file: str, decode: Callable[[int], Picture], *, thumbnail: bool) -> NetworkInput:
    """Decode and normalise a picture; if anything goes wrong, the reason becomes its `note`.

    Args:
        file: As in `Prediction`.
        decode: As for `decode_and_normalise`.
        thumbnail: Whether to make a thumbnail.
    """
    try:
        picture, found = decode_and_normalise(decode)
        small = shrink_to(picture.pixels, THUMBNAIL_SIDE) if thumbnail else None
    except Exception as error:  # one picture must not stop all the others
        return NetworkInput(file, note=why_unread(error))
    return NetworkInput(file, tuple(map(reading_of, found)), small, picture.note)


def why_unread(error: Exception) -> str:
    """Return, in one line, why a picture could not be read."""
    if isinstance(error, PictureError):
        return str(error)
    return f"cannot be read: {type_and_message(error, 150)}"  # such as: out of memory


def classify(
    inputs: Sequence[NetworkInput], classifier: DigitClassifier, unsure_below: float
) -> Iterator[Prediction]:
    """Classify all inputs as one batch; yield one prediction per input, in order."""
    images = [reading.image for each in inputs for reading in each.readings]
    nothing = np.empty((0, 0), np.float32)
    answers = classifier.digit_probabilities(np.stack(images)) if images else nothing
    start = 0
    for each in inputs:
        if not each.readings:
            yield Prediction(each.file, None, 0.0, None, 0.0, "error", each.note, None, None)
            continue
        end = start + len(each.readings)
        yield _prediction(each, answers[start:end], unsure_below)
        start = end


def _prediction(
    seen: NetworkInput, answers: NDArray[np.float32], unsure_below: float
) -> Prediction:
    chosen, probabilities, of_a_digit = choose(seen.readings, answers)
    (first, confidence), (second, second_confidence) = two_likeliest(probabilities)
    doubt = chosen.doubt
    none = of_a_digit < min(0.5, unsure_below)
    if not doubt and (none or confidence + second_confidence < unsure_below):
        doubt = "hardly a digit"
    elif not doubt and confidence < unsure_below:
        doubt = f"could also be {second}"
    return Prediction(
        file=seen.file,
        digit=first,
        confidence=confidence,
        second=second,
        second_confidence=second_confidence,
        status="unsure" if doubt else "ok",
        detail="; ".join(part for part in (doubt, seen.note) if part),
        image=chosen.image,
        thumbnail=seen.thumbnail,
        probabilities=probabilities,
        of_a_digit=of_a_digit,
    )
