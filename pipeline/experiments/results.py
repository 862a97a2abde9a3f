"""What came of many trials, side by side: the table, the best one, the plots."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config.params import dump
from pipeline.config.trees import Tree, bare_name, flatten
from pipeline.experiments.trial import Outcome, Trial, store
from pipeline.system.errors import InputError
from pipeline.system.files import write_csv, write_json
from pipeline.tracking.names import CONFIG_ARTIFACT, DESCRIPTION_TAG, LAYER_PARAMS
from pipeline.tracking.recording.recorder import Recorder
from pipeline.tracking.recording.records import File, Metrics, Table, Tags, Text

TARGET = "_target_"
# In the name of the network and in a column of their own.
SHOWN_ANYWAY = {"model._target_", *LAYER_PARAMS, "train.epochs"}

ONLY_IN_FILES = {
    "val_loss", "training_seconds", "seconds", "peak_memory_mib", "status", "error", "run_id",
}  # fmt: skip

LONGEST_TAG = 5_000  # what every store of MLflow takes


@dataclass(frozen=True)
class Result:
    """A trial, what came of it, and the MLflow run it is recorded in."""

    trial: Trial
    outcome: Outcome
    run_id: str


def ranked(results: Sequence[Result]) -> list[Result]:
    """Put the best first: by validation accuracy, then by validation loss; failed ones last."""

    def rank(result: Result) -> tuple[float, float]:
        metrics = result.outcome.metrics
        return -metrics.get("val_accuracy", -1.0), metrics.get("val_loss", 0.0)

    return sorted(results, key=rank)


def varied(configs: Sequence[Tree]) -> list[str]:
    """Name the keys, besides layer sizes and epochs, that all trials have and not all share."""
    leaves = [flatten(config) for config in configs]
    common = set(leaves[0]).intersection(*leaves) - SHOWN_ANYWAY
    return sorted(
        key for key in common if len({json.dumps(leaf[key], sort_keys=True) for leaf in leaves}) > 1
    )


def label(key: str) -> str:
    """Return a dotted key's short name: the function's place for the name of a function."""
    return bare_name(key.removesuffix("._target_"))


def value(config: Tree, key: str) -> Any:
    """Return what a configuration has at a dotted key, for people: functions by bare names."""
    found: Any = config
    for part in key.split("."):
        found = found[part]
    if isinstance(found, dict) and TARGET in found:
        return bare_name(found[TARGET])
    return bare_name(found) if key.endswith(TARGET) else found


def trial_name(trial: Trial, keys: Sequence[str]) -> str:
    """Say what a trial is, in words that tell it from the others of its sweep."""
    return " · ".join(
        [trial.name, *(f"{label(key)} {_text(value(trial.config, key))}" for key in keys)]
    )


def rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return a row of plain values a trial: what it was, how well it did, what it cost."""
    keys = varied([result.trial.config for result in results])
    return [_row(result, keys) for result in results]


def _row(result: Result, keys: Sequence[str]) -> dict[str, Any]:
    config, outcome = result.trial.config, result.outcome
    metrics = outcome.metrics
    return {
        "network": result.trial.name.partition(" · ")[0],
        "epochs": config["train"]["epochs"],
        **{label(key): value(config, key) for key in keys},
        "val_accuracy": metrics.get("val_accuracy"),
        "test_accuracy": metrics.get("test_accuracy"),
        "val_loss": metrics.get("val_loss"),
        "parameters": int(metrics["parameters"]) if metrics else None,
        "training_seconds": round(outcome.training_seconds, 3),
        "seconds": round(outcome.seconds, 3),
        "peak_memory_mib": outcome.peak_memory >> 20,
        "status": outcome.status,
        "error": outcome.error,
        "run_id": result.run_id,
    }


def table(results: Sequence[Result]) -> str:
    """Return the table for the terminal, the best trial first."""
    shown = [_shown(row) for row in rows(ranked(results))]
    header = list(shown[0])
    lines = [header, *([row[name] for name in header] for row in shown)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _shown(row: dict[str, Any]) -> dict[str, str]:
    settings = {name: _text(cell) for name, cell in row.items() if name not in ONLY_IN_FILES}
    return settings | {
        "val_accuracy": _percentage(row["val_accuracy"]),
        "test_accuracy": _percentage(row["test_accuracy"]),
        "parameters": f"{row['parameters']:,}" if row["parameters"] else "",
        "training": f"{row['training_seconds']:.1f} s",
        "": row["status"] + (f": {row['error']}"[:80] if row["error"] else ""),
    }


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _percentage(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f} %"


def note_of(results: Sequence[Result]) -> str | None:
    """Return the warning about the data of the trials, if there is one."""
    return next((result.trial.note for result in results if result.trial.note), None)


def show(results: Sequence[Result]) -> None:
    """Print the table, and remember the best trial for `promote`.

    Raises:
        InputError: No trial finished.
    """
    print(f"\n{table(results)}\n", flush=True)
    best = ranked(results)[0]
    if best.outcome.status != "finished":
        raise InputError("no trial finished; see the reasons above")
    _keep_best(best)
    print(f"best by validation: {best.trial.name} (`python -m pipeline.promote` takes it over)")


def _keep_best(best: Result) -> None:
    kept = {
        "name": best.trial.name,
        "run_id": best.run_id if best.trial.config["tracking"]["enabled"] else None,
        "val_accuracy": best.outcome.metrics["val_accuracy"],
        "config": best.trial.config,
    }
    write_json(_best_file(), kept)


def load_best() -> dict[str, Any] | None:
    """Return name, run_id, val_accuracy and config of the best trial, None before there is one.

    Raises:
        InputError: The file is damaged.
    """
    try:
        kept = json.loads(_best_file().read_text(encoding="utf-8"))
        return {name: kept[name] for name in ("name", "run_id", "val_accuracy", "config")}
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"{_best_file()}: damaged; run the sweep once more, none of its trials is repeated"
        ) from error


def _best_file() -> Path:
    return store() / "best.json"


def record(
    recorder: Recorder, results: Sequence[Result], files: Sequence[Path], folder: str
) -> None:
    """Record on the run of a sweep or search what came of its trials, and which was the best."""
    recorder.record(*File.each(files, folder))
    listed = rows(ranked(results))
    columns = {name: [row[name] for row in listed] for name in listed[0]}
    recorder.record(Table(columns, f"{folder}/results.json"))
    recorder.record(Tags({DESCRIPTION_TAG: f"```\n{table(results)}\n```"[:LONGEST_TAG]}))
    if note := note_of(results):
        recorder.record(Tags({"note": note}))
    best = ranked(results)[0]
    if best.outcome.status == "finished":
        recorder.record(Text(dump(best.trial.config), CONFIG_ARTIFACT))
        metrics = best.outcome.metrics
        recorder.record(
            Metrics({f"best_{key}": metrics[key] for key in ("val_accuracy", "test_accuracy")})
        )


def write(results: Sequence[Result], folder: Path) -> list[Path]:
    """Write the table as CSV and, of the finished trials, the plots; return the files."""
    listed = rows(ranked(results))
    path = folder / "results.csv"
    write_csv(path, list(listed[0]), (list(row.values()) for row in listed))
    finished = [result for result in results if result.outcome.status == "finished"]
    return [path, *_plot(finished, folder, note_of(results))] if finished else [path]


def _plot(finished: Sequence[Result], folder: Path, note: str | None) -> list[Path]:
    from pipeline.plots import sweep as plots
    from pipeline.plots.style.page import save_figure

    listed = rows(ranked(finished))
    keys = [label(key) for key in varied([result.trial.config for result in finished])]
    figures = {
        "accuracy_by_size_and_epochs.png": plots.heatmap(listed, note),
        "accuracy_against_cost.png": plots.cost(listed, note),
        "parallel_coordinates.png": plots.parallel(listed, ["network", "epochs", *keys], note),
    }
    for name, figure in figures.items():
        save_figure(figure, folder / name)
    return [folder / name for name in figures]
