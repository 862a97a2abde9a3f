"""The result of a trial: its settings in words, its row in the files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.config.trees import Tree, bare_name
from pipeline.experiments.comparing.axes import SEED, label, varied_keys
from pipeline.experiments.trial import Outcome, Trial
from pipeline.plots.style.numbers import setting_text

TARGET = "_target_"


@dataclass(frozen=True)
class Result:
    """A trial, its outcome, and the MLflow run that holds it.

    Attributes:
        trial: The trial.
        outcome: Its outcome.
        run_id: The MLflow run.
        dropped: Why a race gave its configuration no more seeds; None if it did not.
    """

    trial: Trial
    outcome: Outcome
    run_id: str
    dropped: str | None = None


def ranked(results: Sequence[Result]) -> list[Result]:
    """Sort by validation accuracy, then validation loss, the best first; failed trials last."""

    def rank(result: Result) -> tuple[float, float]:
        metrics = result.outcome.metrics
        return -metrics.get("val_accuracy", -1.0), metrics.get("val_loss", 0.0)

    return sorted(results, key=rank)


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


def settings(trial: Trial, keys: Sequence[str]) -> dict[str, Any]:
    """Return the settings that tables show of a trial: network, epochs and those at `keys`."""
    return {
        "network": trial.name.partition(" · ")[0],
        "epochs": trial.config["train"]["epochs"],
        **{label(key): value(trial.config, key) for key in keys},
    }


def rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return one row of plain values per trial: its settings, its metrics, what it cost."""
    keys = varied_keys([result.trial.config for result in results])
    metrics = list(dict.fromkeys(key for result in results for key in result.outcome.metrics))
    return [_row(result, keys, metrics) for result in results]


def _row(result: Result, keys: Sequence[str], metrics: Sequence[str]) -> dict[str, Any]:
    outcome = result.outcome
    return {
        **settings(result.trial, keys),
        SEED: result.trial.config[SEED],
        **{key: outcome.metrics.get(key) for key in metrics},
        "training_seconds": round(outcome.training_seconds, 3),
        "seconds": round(outcome.seconds, 3),
        "peak_memory_mib": outcome.peak_memory >> 20,
        "status": outcome.status,
        "error": outcome.error,
        "dropped": result.dropped,
        "run_id": result.run_id,
    }


def note_of(results: Sequence[Result]) -> str | None:
    """Return the warning about the trials' data, or None."""
    return next((result.trial.note for result in results if result.trial.note), None)
