"""Summarise the last experiment: `python -m pipeline.summary`."""

import json
from pathlib import Path
from typing import Any

from pipeline.cli.command import run_tool
from pipeline.cli.drift import report_drift
from pipeline.config.params import read_params
from pipeline.config.places import METRICS_NAME, MODELS, REPORTS, project_path
from pipeline.config.schema import Config, Options
from pipeline.experiments.comparing.difference import compare_experiment
from pipeline.plots.style.numbers import percent
from pipeline.stages.prepared import DatasetInfo
from pipeline.tracking.addresses import tracking_uri
from pipeline.tracking.run_ids import read_run_id


def summarise(config: Config) -> str:
    """Return a short table: the accuracies, where the plots are, the MLflow run."""
    test = _metrics(REPORTS / "evaluate")
    custom = _metrics(project_path(config.predict.output))
    rows = {
        "test accuracy": _percent_or_unknown(test.get("test_accuracy")),
        "custom accuracy": _percent_or_unknown(custom.get("custom_accuracy")),
        "predictions": str(Path(config.predict.output) / "predictions.csv"),
        "plots": "reports/*/*.png",
        "MLflow run": _run(config),
    }
    lines = [f"{name:<16} {value}" for name, value in rows.items()]
    note = DatasetInfo.load().note
    return "\n".join([*lines, note] if note else lines)


def _metrics(folder: Path) -> dict[str, Any]:
    try:
        metrics = json.loads((folder / METRICS_NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return dict(metrics)


def _percent_or_unknown(share: float | None) -> str:
    return "unknown" if share is None else percent(share)


def _run(config: Config) -> str:
    if not config.tracking.enabled:
        return "not recorded (tracking.enabled=false)"
    return f"{read_run_id(MODELS) or 'unknown'} (`make ui` opens {tracking_uri(config.tracking)})"


def run(config: Config, _: Options) -> None:
    """Log where params.yaml differs from the defaults, then print the summary."""
    params = read_params()
    report_drift(params)
    print("\n".join(["", summarise(config), *compare_experiment(params)]))


def main() -> None:
    """Run from the command line."""
    run_tool(Options, run, __doc__)


if __name__ == "__main__":
    main()
