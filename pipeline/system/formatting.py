"""Numbers as people read them on the terminal."""

from typing import Any


def percent(share: float) -> str:
    """Write a share of 0..1 as per cent, such as "98.95 %"."""
    return f"{100 * share:.2f} %"


def setting_text(value: Any) -> str:
    """Write the value of a setting, floats to three significant digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
