"""A trained network that reads lines, behind ONNX Runtime.

A line is read in one view after the other, until they agree well enough. A string of digits is as
probable as they make it on average, which becomes a confidence by a calibration that comes with the
network.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.inference.classifier import NOTE, open_network
from pipeline.digits.recognition.lines.cutting import Strips
from pipeline.digits.recognition.lines.decoding import Slot, agree, fill, find_slots, likely_strings
from pipeline.digits.recognition.lines.format import HEIGHT, NONE
from pipeline.system.arrays import Pixels
from pipeline.system.errors import InputError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SLOPE, OFFSET = "calibration_slope", "calibration_offset"  # in the network's file
AGREED = 0.8  # probability of a string from which on no more views are asked
TINY = 1e-4  # a probability is at least that far from 0 and 1


@dataclass(frozen=True)
class Reading:
    """What a line says.

    Attributes:
        text: Its digits, such as "2026".
        confidence: Probability that they are right, all of them and no other, 0..1.
        second: The next likeliest string of digits.
        second_confidence: Its probability, 0..1.
        middles: Where each digit has its middle, in columns of the picture.
        beliefs: float32 (digits, 11), how probable each digit is there, and last that there is
            none.
    """

    text: str
    confidence: float
    second: str
    second_confidence: float
    middles: tuple[float, ...]
    beliefs: NDArray[np.float32]


class LineReader:
    """Reads lines with one network.

    Attributes:
        note: A warning about the data that the network was trained on, or None.
    """

    def __init__(
        self, session: "InferenceSession", slope: float, offset: float, note: str | None = None
    ) -> None:
        """Wrap an open session; use `LineReader.load` to make one from a file."""
        self._session = session
        self._input = session.get_inputs()[0].name
        self._slope, self._offset = slope, offset
        self.note = note

    @classmethod
    def load(cls, path: Path) -> Self:
        """Open an ONNX file that the stage train-lines wrote.

        Raises:
            InputError: The file is missing or ONNX Runtime cannot use it.
        """
        session, metadata = open_network(path)
        _, height, width = session.get_inputs()[0].shape
        if height != HEIGHT or isinstance(width, int):
            raise InputError(f"{path}: reads no lines; `dvc repro -f train-lines` makes what does")
        slope, offset = float(metadata.get(SLOPE, "1")), float(metadata.get(OFFSET, "0"))
        return cls(session, slope, offset, metadata.get(NOTE) or None)

    def read(self, views: Iterable[Strips]) -> Reading:
        """Read a line from several views of it, at least one, as many as it takes."""
        found: list[tuple[Strips, Sequence[Slot]]] = []
        strings: list[dict[str, float]] = []
        for strips in views:
            slots = [find_slots(answers) for answers in self.answers(strips.images)]
            found += [(strips, each) for each in slots]
            strings += [likely_strings(each) for each in slots]
            best, second = agree(strings)
            if best[1] >= AGREED:
                break
        middles, beliefs = _places(best[0], found)
        confidence = self.calibrated(best[1])
        return Reading(
            text=best[0] if middles else "",
            confidence=confidence,
            second=second[0],
            second_confidence=min(self.calibrated(second[1]), 1 - confidence),
            middles=middles,
            beliefs=beliefs,
        )

    def calibrated(self, probability: float) -> float:
        """Turn the mean probability of a string into a confidence, 0..1 (Platt 1999)."""
        return calibrate(probability, self._slope, self._offset)

    def answers(self, strips: Pixels) -> NDArray[np.float32]:
        """Return what the network says of strips, float32 (n, w / STRIDE, 11)."""
        (answers,) = self._session.run(None, {self._input: strips})
        return np.asarray(answers, np.float32)


def calibrate(probability: float, slope: float, offset: float) -> float:
    """Return 1 / (1 + exp(-(slope · log-odds + offset))), 0..1."""
    return 1 / (1 + math.exp(-(slope * log_odds(probability) + offset)))


def log_odds(probability: float) -> float:
    """Return the logarithm of a probability's odds, kept finite."""
    kept = min(max(probability, TINY), 1 - TINY)
    return math.log(kept / (1 - kept))


def _places(
    text: str, found: Sequence[tuple[Strips, Sequence[Slot]]]
) -> tuple[tuple[float, ...], NDArray[np.float32]]:
    """Say where the digits of a text have their middles, and how sure the views are of each.

    Returns:
        Columns of the picture; and float32 (n, 11), means over the views that it fits.
    """
    filled = [(strips, fill(slots, text)) for strips, slots in found]
    fitting = [(strips, chosen) for strips, chosen in filled if chosen]
    if not fitting:
        return (), np.empty((0, NONE + 1), np.float32)
    columns = [[strips.column_of(slot.middle) for slot in chosen] for strips, chosen in fitting]
    beliefs = [[slot.probabilities for slot in chosen] for _, chosen in fitting]
    return tuple(np.median(columns, axis=0).tolist()), np.mean(beliefs, axis=0, dtype=np.float32)
