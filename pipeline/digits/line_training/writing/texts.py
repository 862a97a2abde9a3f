"""What people write in a line: digits, and the signs between them that are none."""

import numpy as np

# Signs: long dash "~", wide gap " ", a letter or another sign "?"; the others stand for themselves.
BEFORE = ("-", "~", "=", "$", ".", "?", "*")
AFTER = ("-", "-", ".", ",", "=", "=", ".-", ",-", "~", ".~", "?", ".=", "_", "*")
BETWEEN = (".", ".", ".", ",", ",", "'", " ", "-")
DATE_SIGNS = (".", "/", "-", " ", "/")
LONGEST = 12

SIGNED_BEFORE, SIGNED_AFTER, GROUPED, DATED, GAPPED = 0.16, 0.4, 0.35, 0.14, 0.15


def invent_line(rng: np.random.Generator) -> str:
    """Invent what a line says; the same state invents the same line."""
    if rng.random() < DATED:
        return _date(rng)
    text = _number(rng)
    while rng.random() < GAPPED:
        text += "  "[: rng.integers(1, 3)] + _number(rng)
    if rng.random() < SIGNED_BEFORE:
        text = _one_of(BEFORE, rng) + text
    if rng.random() < SIGNED_AFTER:
        text += _one_of(AFTER, rng)
    return text


def _one_of(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[rng.integers(len(choices))]


def _number(rng: np.random.Generator) -> str:
    digits = _digits(int(rng.integers(1, LONGEST + 1)), rng)
    if rng.random() >= GROUPED or len(digits) < 3:
        return digits
    sign, size = _one_of(BETWEEN, rng), 3 if rng.random() < 0.7 else 2
    first = len(digits) % size
    groups = [digits[start : start + size] for start in range(first, len(digits), size)]
    return sign.join([digits[:first], *groups] if first else groups)


def _digits(length: int, rng: np.random.Generator) -> str:
    digits = rng.integers(0, 10, length)
    if rng.random() < 0.3:
        digits[rng.integers(1, length + 1) :] = 0
    if rng.random() < 0.3:
        digits[0] = 1
    if rng.random() < 0.15:
        digits[rng.random(length) < 0.4] = 1
    if rng.random() < 0.1:
        digits[:] = np.where(rng.random(length) < 0.5, digits[0], digits)
    return "".join(map(str, digits))


def _date(rng: np.random.Generator) -> str:
    sign = _one_of(DATE_SIGNS, rng)
    sizes = ((2, 2, 4), (1, 2, 4), (2, 2, 2), (1, 1, 2), (4, 2, 2), (2, 1, 4), (3, 3))
    return sign.join(
        "".join(map(str, rng.integers(0, 10, size))) for size in sizes[rng.integers(len(sizes))]
    )
