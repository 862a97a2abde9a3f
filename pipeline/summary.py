"""What an experiment came to, in a few lines for the terminal."""

import json
from pathlib import Path
from typing import Any

from pipeline.cli.command import run_stage
from pipeline.config.places import METRICS_NAME, MODELS, REPORTS, project_path
from pipeline.config.schema import Config
from pipeline.plots.style.numbers import percent
from pipeline.stages.prepared import DatasetInfo
from pipeline.tracking.addresses import tracking_uri
from pipeline.tracking.run_ids import read_run_id


def summarise(config: Config) -> str:
    """Return a short table: accuracies, where the plots are, which MLflow run it was."""
    test = _metrics(REPORTS / "evaluate")
    custom = _metrics(project_path(config.predict.output))
    rows = {
        "test accuracy": _known(test.get("test_accuracy")),
        "custom accuracy": _known(custom.get("custom_accuracy")),
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


def _known(share: float | None) -> str:
    return "not known" if share is None else percent(share)


def _run(config: Config) -> str:
    if not config.tracking.enabled:
        return "not recorded (tracking.enabled=false)"
    return f"{read_run_id(MODELS) or 'not known'} (`make ui` opens {tracking_uri(config.tracking)})"


def main() -> None:
    """Print the summary of what params.yaml describes."""
    run_stage(lambda config: print(f"\n{summarise(config)}"))


if __name__ == "__main__":
    main()
