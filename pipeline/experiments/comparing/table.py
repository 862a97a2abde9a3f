"""The table of groups for the terminal and for MLflow's pages, with numbers rounded for people."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.digits.seeds import FEWEST_SEEDS
from pipeline.experiments.comparing.axes import label
from pipeline.experiments.comparing.groups import CHOOSES, Group, group_rows, grouped, keys_of
from pipeline.experiments.comparing.results import Result
from pipeline.plots.style.numbers import counted, percent, setting_text

COMPARED = "compared with the best"


def _seconds(value: float) -> str:
    return f"{value:,.{1 if value < 100 else 0}f} s"


def _share(value: float) -> str:
    return f"{100 * value:.2f}"


def _loss(value: float) -> str:
    return f"{value:.4f}"


# The figures with their intervals: heading, format of the mean and of half the interval.
MEANS: Mapping[str, tuple[Callable[[float], str], str]] = {
    CHOOSES: (_share, " %"),
    "test_accuracy": (_share, " %"),
    "val_loss": (_loss, ""),
}
ACCURACIES = {CHOOSES: "validation", "test_accuracy": "test"}
# Further figures, where they were measured: the mean alone.
MEASURES: Mapping[str, Callable[[float], str]] = {
    "val_calibration_error": percent,
    "val_corrupted_accuracy": percent,
    "val_error_auroc": lambda value: f"{value:.3f}",
    "val_outlier_auroc": lambda value: f"{value:.3f}",
    "val_outlier_fpr95": percent,
    "ms_per_picture": lambda value: f"{value:.2g}",
    "model_bytes": lambda value: f"{value:,.0f}",
}


def cells(groups: Sequence[Group]) -> list[dict[str, str]]:
    """Return the table's cells as text, a row a group, in the order given."""
    listed = group_rows(groups)
    names = ["network", "epochs", *map(label, keys_of(groups))]
    measured = [key for key in MEASURES if any(row.get(key) is not None for row in listed)]
    return [_cells(row, names, measured) for row in listed]


def _cells(row: Mapping[str, Any], names: Sequence[str], measured: Sequence[str]) -> dict[str, str]:
    parameters, seconds = row.get("parameters"), row.get("training_seconds")
    return {
        **{name: setting_text(row[name]) for name in names},
        "seeds": str(row["seeds"]),
        **{key: _mean(row, key, *how) for key, how in MEANS.items()},
        **{key: "" if row[key] is None else MEASURES[key](row[key]) for key in measured},
        "parameters": f"{parameters:,}" if parameters else "",
        "training": "" if seconds is None else _seconds(seconds),
        COMPARED: row["compared"],
    }


def _mean(row: Mapping[str, Any], key: str, text: Callable[[float], str], unit: str) -> str:
    """Return a mean with half its interval, such as "98.44 ± 0.12 %"."""
    mean, high = row.get(key), row.get(f"{key}_high")
    if mean is None:
        return ""
    return text(mean) + ("" if high is None else f" ± {text(high - mean)}") + unit


def table(results: Sequence[Result]) -> str:
    """Return the table for the terminal, the best group first, and what it cannot tell."""
    groups = grouped(results)
    shown = cells(groups)
    header = list(shown[0])
    lines = [header, *([row[name] for name in header] for row in shown)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    aligned = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    return "\n".join([*aligned, *_legend(groups)])


def markdown(results: Sequence[Result]) -> str:
    """Return the narrow table for MLflow's pages, in Markdown, and what it cannot tell.

    It has the settings, the accuracies and the verdicts; all figures are in the files.
    """
    groups = grouped(results)
    shown = cells(groups)
    names = ["network", "epochs", *map(label, keys_of(groups)), "seeds", *ACCURACIES, COMPARED]
    heads = [ACCURACIES.get(name, name) for name in names]
    rows = [[_plain(row[name]) for name in names] for row in shown]
    for row, group in zip(rows, groups, strict=True):
        if group.leads:
            row[-1] = f"**{row[-1]}**"
    lines = [heads, ["---"] * len(heads), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join([table, *_legend(groups)])


def _plain(text: str) -> str:
    """Return a text for a cell of a Markdown table."""
    return re.sub(r"([|<*_`\\])", r"\\\1", text)


def _legend(groups: Sequence[Group]) -> list[str]:
    """Return the lines below the table: how to read it, and what would make it tell more."""
    lines = []
    if any(len(group.outcomes) > 1 for group in groups):
        lines.append("±: 95 % interval of the mean over the seeds (Student's t)")
    several = len({group.data for group in groups}) > 1
    if several:
        lines.append("accuracies on other data cannot be compared: each data set has a best")
    compared = [group.verdict for group in groups if group.verdict and not group.dropped]
    tested = [group for group in groups if group.verdict and group.verdict.p_value is not None]
    if any(not group.dropped for group in tested):
        lines.append(
            "tie: not told from the best; p: paired t-test over the shared seeds, Holm-corrected "
            "for " + ("those on the same data" if several else counted(len(tested), "comparison"))
        )
    if any(verdict.p_value is None for verdict in compared):
        lines.append(
            f"which is better can be told from {FEWEST_SEEDS} seeds on: repeat the command with "
            "seed=1,2,3,4,5 (a search: search.seeds=5); finished trials are not run again"
        )
    return lines


def print_table(results: Sequence[Result]) -> None:
    """Print the table between blank lines."""
    print(f"\n{table(results)}\n", flush=True)
