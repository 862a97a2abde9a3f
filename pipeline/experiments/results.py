"""The results of many trials: the table, the best trial, the plots."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config.params import dump
from pipeline.config.trees import Tree, bare_name, flatten
from pipeline.experiments.trial import Outcome, Trial, sweeps_dir
from pipeline.plots.style.numbers import percent, setting_text
from pipeline.system.errors import InputError, in_one_line
from pipeline.system.files import write_csv, write_json
from pipeline.tracking.names import CONFIG_ARTIFACT, DESCRIPTION_TAG, LAYER_PARAMS
from pipeline.tracking.recording.recorder import Recorder
from pipeline.tracking.recording.records import File, Metrics, Table, Tags, Text

TARGET = "_target_"
# Part of every trial's name, and columns of every table.
ALWAYS_SHOWN = {"model._target_", *LAYER_PARAMS, "train.epochs"}

ONLY_IN_FILES = {
    "val_loss", "training_seconds", "seconds", "peak_memory_mib", "status", "error", "run_id",
}  # fmt: skip

LONGEST_ERROR = 80  # characters, in the last column of the table
LONGEST_TABLE = 4_950  # characters, in a tag; every MLflow store accepts tags of 5,000


@dataclass(frozen=True)
class Result:
    """A trial, its outcome, and the MLflow run that holds it."""

    trial: Trial
    outcome: Outcome
    run_id: str


def ranked(results: Sequence[Result]) -> list[Result]:
    """Sort by validation accuracy, then validation loss, the best first; failed trials last."""

    def rank(result: Result) -> tuple[float, float]:
        metrics = result.outcome.metrics
        return -metrics.get("val_accuracy", -1.0), metrics.get("val_loss", 0.0)

    return sorted(results, key=rank)


def varied_keys(configs: Sequence[Tree]) -> list[str]:
    """Return the keys that all configurations have, but with different values.

    Layer sizes and epochs are left out: they are always shown.
    """
    leaves = [flatten(config) for config in configs]
    common = set(leaves[0]).intersection(*leaves) - ALWAYS_SHOWN
    return sorted(
        key for key in common if len({json.dumps(leaf[key], sort_keys=True) for leaf in leaves}) > 1
    )


def label(key: str) -> str:
    """Return the short name of a dotted key: "schedule" for `train.schedule._target_`."""
    return bare_name(key.removesuffix("._target_"))


def value(config: Tree, key: str) -> Any:
    """Return a configuration's value at a dotted key; of a function, its bare name."""
    found: Any = config
    for part in key.split("."):
        found = found[part]
    if isinstance(found, dict) and TARGET in found:
        return bare_name(found[TARGET])
    return bare_name(found) if key.endswith(TARGET) else found


def trial_name(trial: Trial, keys: Sequence[str]) -> str:
    """Return the trial's name with its values at `keys`, which distinguish it from other trials."""
    return " · ".join(
        [trial.name, *(f"{label(key)} {setting_text(value(trial.config, key))}" for key in keys)]
    )


def rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return one row of plain values per trial: its settings, its metrics, what it cost."""
    keys = varied_keys([result.trial.config for result in results])
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
    settings = {name: setting_text(cell) for name, cell in row.items() if name not in ONLY_IN_FILES}
    accuracies = {
        name: "" if row[name] is None else percent(row[name])
        for name in ("val_accuracy", "test_accuracy")
    }
    return {
        **settings,
        **accuracies,
        "parameters": f"{row['parameters']:,}" if row["parameters"] else "",
        "training": f"{row['training_seconds']:.1f} s",
        "": row["status"]
        + (f": {in_one_line(row['error'], LONGEST_ERROR)}" if row["error"] else ""),
    }


def note_of(results: Sequence[Result]) -> str | None:
    """Return the warning about the trials' data, or None."""
    return next((result.trial.note for result in results if result.trial.note), None)


def print_table(results: Sequence[Result]) -> None:
    """Print the table between blank lines."""
    print(f"\n{table(results)}\n", flush=True)


def show(results: Sequence[Result]) -> None:
    """Print the table and the best trial, and save that trial for `promote`.

    At least one trial must have finished.
    """
    print_table(results)
    best = ranked(results)[0]
    _save_best(best)
    name = trial_name(best.trial, varied_keys([result.trial.config for result in results]))
    print(f"best by validation: {name} (`python -m pipeline.promote` writes it to params.yaml)")


def _save_best(best: Result) -> None:
    saved = {
        "name": best.trial.name,
        "run_id": best.run_id if best.trial.config["tracking"]["enabled"] else None,
        "val_accuracy": best.outcome.metrics["val_accuracy"],
        "config": best.trial.config,
    }
    write_json(_best_file(), saved)


def load_best() -> dict[str, Any] | None:
    """Return name, run_id, val_accuracy and config of the best trial; None if there is none yet.

    Raises:
        InputError: The file is damaged.
    """
    try:
        saved = json.loads(_best_file().read_text(encoding="utf-8"))
        return {name: saved[name] for name in ("name", "run_id", "val_accuracy", "config")}
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"{_best_file()}: damaged; run the sweep again (finished trials are not repeated)"
        ) from error


def _best_file() -> Path:
    return sweeps_dir() / "best.json"


def record(
    recorder: Recorder, results: Sequence[Result], files: Sequence[Path], folder: str
) -> None:
    """Record the results of a sweep or search on its run, with the configuration of the best."""
    recorder.record(*File.each(files, folder))
    listed = rows(ranked(results))
    columns = {name: [row[name] for row in listed] for name in listed[0]}
    recorder.record(Table(columns, f"{folder}/results.json"))
    shown = table(results)
    if len(shown) > LONGEST_TABLE:
        shown = shown[:LONGEST_TABLE].rpartition("\n")[0] + "\n…"
    recorder.record(Tags({DESCRIPTION_TAG: f"```\n{shown}\n```"}))
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
    """Write the table as CSV, and plots of the finished trials; return the files."""
    listed = rows(ranked(results))
    path = folder / "results.csv"
    write_csv(path, list(listed[0]), (list(row.values()) for row in listed))
    finished = [result for result in results if result.outcome.status == "finished"]
    return [path, *_plot(finished, folder, note_of(results))] if finished else [path]


def _plot(finished: Sequence[Result], folder: Path, note: str | None) -> list[Path]:
    from pipeline.plots import sweep as plots
    from pipeline.plots.style.page import save_figure

    listed = rows(ranked(finished))
    keys = [label(key) for key in varied_keys([result.trial.config for result in finished])]
    figures = {
        "accuracy_by_size_and_epochs.png": plots.heatmap(listed, note),
        "accuracy_against_cost.png": plots.cost(listed, note),
        "parallel_coordinates.png": plots.parallel(listed, ["network", "epochs", *keys], note),
    }
    for name, figure in figures.items():
        save_figure(figure, folder / name)
    return [folder / name for name in figures]
