"""Format numbers for people to read."""

from typing import Any


def percent(share: float, decimals: int = 2) -> str:
    """Format a share, 0..1, as a percentage, such as "98.44 %"."""
    return f"{100 * share:.{decimals}f} %"


def confidence_percent(share: float) -> str:
    """Format a confidence, 0..1, as a percentage; "100 %" only if it is exactly 1."""
    if share >= 0.9995 and share < 1:
        return f"{min(100 * share, 99.99):.2f} %"
    return percent(share, decimals=1 if 0.995 <= share < 1 else 0)


def short_confidence(share: float) -> str:
    """Format a confidence, 0..1, as a whole percentage, rounded down: 99.6 % is not 100 %."""
    return f"{int(share * 100)} %"


def counted(number: int, noun: str) -> str:
    """Format a number of things: "1 picture", "1,200 pictures"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def setting_text(value: Any) -> str:
    """Format the value of a setting, floats to three significant digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def thousands(number: float, _position: float | None = None) -> str:
    """Format the label of a tick as a whole number, such as "60,000"."""
    return f"{number:,.0f}"


def short_number(number: float, _position: float | None = None) -> str:
    """Format the label of a tick to three significant digits, such as "101k"."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"
