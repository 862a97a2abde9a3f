"""What stands at the top of a run's page: its headline numbers and its best plot, in Markdown."""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from mlflow.entities import Run

NOTE_TAG = "mlflow.note.content"


def describe(run: "Run", artifacts: set[str]) -> str | None:
    """Write the description of a training or of predictions; None for any other run.

    Args:
        run: What is described.
        artifacts: Paths of its artifacts; of the plots that are there the best is shown.
    """
    headline = HEADLINES.get(run.data.tags.get("stage", ""))
    if headline is None or not run.data.metrics:
        return None
    lines = [*headline(run.data.metrics)]
    if warning := run.data.tags.get("note"):
        lines.append(f"**{warning}**")
    best = next((plot for plot in BEST_PLOTS if plot in artifacts), None)
    if best:
        lines.append(picture(run.info.run_id, best))
    return "\n\n".join(lines)


def picture(run_id: str, path: str) -> str:
    """Embed a run's artifact in Markdown; the address is relative to the server that shows it."""
    address = f"get-artifact?{urlencode({'path': path, 'run_uuid': run_id})}"
    return f"![{path}]({address})"


def accuracies(metrics: Mapping[str, float]) -> list[str]:
    """Say which shares of the test and the validation digits were right, as far as known."""
    shown = {"test": "test_accuracy", "validation": "val_accuracy"}
    return [
        f"**{100 * metrics[key]:.2f} %** of the {part} digits right"
        for part, key in shown.items()
        if key in metrics
    ]


def _of_training(metrics: Mapping[str, float]) -> list[str]:
    facts = accuracies(metrics)
    if "test_mistakes" in metrics:
        facts.append(f"{metrics['test_mistakes']:,.0f} mistakes in {metrics['test_pictures']:,.0f}")
    cost = []
    if "parameters" in metrics:
        cost.append(f"{metrics['parameters']:,.0f} parameters")
    if "training_seconds" in metrics:
        cost.append(f"{metrics['training_seconds']:,.0f} s of training")
    if "chosen_epoch" in metrics:
        cost.append(f"the weights of epoch {metrics['chosen_epoch']:.0f}")
    return [line for line in (" · ".join(facts), " · ".join(cost)) if line]


def _of_predictions(metrics: Mapping[str, float]) -> list[str]:
    facts = [f"{metrics['custom_pictures']:,.0f} pictures"]
    if "custom_accuracy" in metrics:
        facts.append(f"**{100 * metrics['custom_accuracy']:.2f} %** of the labelled ones right")
    facts += [
        f"{metrics[f'custom_{status}']:,.0f} {status}"
        for status in ("unsure", "error")
        if metrics.get(f"custom_{status}")
    ]
    return [" · ".join(facts)]


HEADLINES = {"train": _of_training, "predict-custom": _of_predictions}
BEST_PLOTS = (
    "evaluate/confusion_matrix.png",
    "train/learning_curves.png",
    "predict-custom/predictions.png",
)
