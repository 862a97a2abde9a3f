"""From the network's answers along a line to its digits, and how probable each whole string is.

Every place where a digit may have its middle is a slot, which holds one of the ten digits or none.
A reading gives each string of digits a probability: that of the slots agreeing with it. Readings of
one line at several scales are summed string by string, the surer ones counting more, so that the
string wins that most of them could agree on. Its mean probability is the confidence in the whole.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.recognition.lines.format import APART, NONE, STRIDE

Probabilities = NDArray[np.float32]

LEAST = 0.02  # probability of a digit from which a place is a slot, and a digit a choice there
TRUST = 2  # power of a reading's largest probability that is its weight among others
BEAM = 24  # strings that are followed from slot to slot


@dataclass(frozen=True)
class Slot:
    """A place of a strip that may be the middle of a digit.

    Attributes:
        place: Which of the network's answers, each for STRIDE columns.
        probabilities: float32 (11,), of each digit being there, and last of none.
    """

    place: int
    probabilities: Probabilities

    @property
    def middle(self) -> float:
        """Its middle, in columns of the strip."""
        return (self.place + 0.5) * STRIDE

    @property
    def digit(self) -> int:
        """The likeliest digit, or NONE."""
        return int(self.probabilities.argmax())


def find_slots(answers: Probabilities) -> list[Slot]:
    """Return the slots of a strip from left to right, no two nearer than APART answers.

    The surest come first: this is non-maximum suppression.

    Args:
        answers: float32 (n, 11), what the network says of every STRIDE columns.
    """
    there = 1 - answers[:, NONE]
    taken = np.zeros(len(answers), np.bool_)
    slots = []
    for place in np.argsort(-there, kind="stable").tolist():
        if there[place] < LEAST:
            break
        if not taken[max(0, place - APART + 1) : place + APART].any():
            taken[place] = True
            slots.append(Slot(place, answers[place]))
    return sorted(slots, key=lambda slot: slot.place)


def likely_strings(slots: Sequence[Slot]) -> dict[str, float]:
    """Return the likeliest strings that slots may hold, each with its probability, 0..1."""
    strings = {"": 1.0}
    for slot in slots:
        longer: defaultdict[str, float] = defaultdict(float)
        for digit in np.flatnonzero(slot.probabilities >= LEAST).tolist():
            sign, share = "" if digit == NONE else str(digit), float(slot.probabilities[digit])
            for string, probability in strings.items():
                longer[string + sign] += probability * share
        best = sorted(longer.items(), key=lambda item: -item[1])[:BEAM]
        strings = dict(best)
    return strings


def agree(readings: Sequence[dict[str, float]]) -> tuple[tuple[str, float], tuple[str, float]]:
    """Find the string that readings of one line agree on best.

    Args:
        readings: What `likely_strings` gives for each, at least one.

    Returns:
        That string and its mean probability, 0..1; and the same of the next best string.
    """
    weights = np.array([max(strings.values()) for strings in readings]) ** TRUST
    sums: defaultdict[str, float] = defaultdict(float)
    for strings, weight in zip(readings, (weights / weights.sum()).tolist(), strict=True):
        for string, probability in strings.items():
            sums[string] += probability * weight
    best, *others = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    return best, others[0] if others else ("", 0.0)


def fill(slots: Sequence[Slot], string: str) -> list[Slot] | None:
    """Return the slots that hold the digits of a string, as likely as can be; None if too few.

    Args:
        slots: From left to right.
        string: Digits.
    """
    scores = np.full((len(slots) + 1, len(string) + 1), -np.inf)
    scores[0, 0] = 0.0
    logs = [np.log(np.maximum(slot.probabilities, 1e-9)) for slot in slots]
    for row, log in enumerate(logs):
        for used in range(len(string) + 1):
            scores[row + 1, used] = scores[row, used] + log[NONE]
            if used:
                taken = scores[row, used - 1] + log[int(string[used - 1])]
                scores[row + 1, used] = max(scores[row + 1, used], taken)
    if not np.isfinite(scores[-1, -1]):
        return None
    chosen, used = [], len(string)
    for row in range(len(slots) - 1, -1, -1):
        if used and scores[row + 1, used] > scores[row, used] + logs[row][NONE]:
            chosen.append(slots[row])
            used -= 1
    return chosen[::-1]
