"""How far the probability of a whole string can be trusted, measured on composed lines."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.line_training.writing.composing import Stock, compose_lines
from pipeline.digits.preprocessing.pixels import resize
from pipeline.digits.recognition.lines.cutting import cut_views
from pipeline.digits.recognition.lines.finding import find_lines
from pipeline.digits.recognition.lines.format import digits_of
from pipeline.digits.recognition.lines.reader import LineReader, log_odds
from pipeline.digits.splits import Split
from pipeline.system.arrays import Pixels

HELD_OUT = 1000  # lines composed of digits that none learned from
ENLARGED = 2  # times: a strip becomes as large as small pictures of a number are
PRIOR = 1.0  # weight of leaving probabilities alone: finite even where all strings are right


@dataclass(frozen=True)
class HeldOutReading:
    """What was read in a line that the network did not learn from.

    Attributes:
        strip: uint8 (HEIGHT, w), dark on light.
        truth: What it says.
        text: What was read.
        probability: That of the text, 0..1.
        middles: Where each digit was found, in columns of the strip.
    """

    strip: Pixels
    truth: str
    text: str
    probability: float
    middles: tuple[float, ...]

    @property
    def right(self) -> bool:
        """Whether it was read without a mistake."""
        return self.text == self.truth


def hold_out(validation: Split, seed: int) -> Split:
    """Compose lines of digits that the network did not learn from, to measure on."""
    stock = Stock.lay_in(validation, seed + 1)
    return compose_lines(stock, HELD_OUT, np.random.default_rng((seed, 0)))


def read_held_out(reader: LineReader, lines: Split) -> Iterator[HeldOutReading]:
    """Read composed lines as pictures are read, which includes finding the line.

    Args:
        reader: One without a calibration.
        lines: Strips and their labels.
    """
    for strip, labels in zip(lines.images, lines.labels, strict=True):
        page = find_lines(resize(strip, ENLARGED))
        readings = [reader.read(cut_views(page, line)) for line in page.lines]
        text = "".join(each.text for each in readings)
        yield HeldOutReading(
            strip=strip,
            truth=digits_of(labels),
            text=text,
            probability=math.prod(each.confidence for each in readings) if text else 0.0,
            middles=tuple(middle / ENLARGED for each in readings for middle in each.middles),
        )


def fit_calibration(probabilities: Sequence[float], right: Sequence[bool]) -> tuple[float, float]:
    """Find slope and offset of the logistic curve from log-odds to being right (Platt 1999).

    Args:
        probabilities: Of each string that was read, 0..1.
        right: Whether it is what the line says.
    """
    from scipy.optimize import minimize

    odds = np.array([log_odds(each) for each in probabilities])
    signs = np.where(right, 1.0, -1.0)

    def loss(weights: NDArray[np.float64]) -> float:
        slope, offset = weights
        wrong = np.logaddexp(0, -signs * (slope * odds + offset)).sum()
        return float(wrong + PRIOR * ((slope - 1) ** 2 + offset**2))

    slope, offset = minimize(loss, (1.0, 0.0), bounds=((0, None), (None, None))).x
    return float(slope), float(offset)
