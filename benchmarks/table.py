"""The table that benchmarks print their results as."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: What was measured.
        result: The figure and its spread.
        command: How to measure it again.
    """

    what: str
    result: str
    command: str


def median_and_spread(values: Sequence[float], unit: str) -> str:
    """Return the median of some measurements, their range and their number."""
    if len(values) == 1:
        return f"{values[0]:.2f}{unit} (1 run)"
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:.2f}{unit} ({low:.2f} to {high:.2f}, {len(values)} runs)"


def print_rows(rows: Sequence[Row]) -> None:
    """Print rows as Markdown."""
    for row in rows:
        print(f"| {row.what} | {row.result} | `{row.command}` |", flush=True)
