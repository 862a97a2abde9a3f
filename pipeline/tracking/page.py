"""Write the description of a run, in Markdown: its headline numbers and its best plot.

MLflow shows the first 100 pixels of a description and hides the others under "Show more".
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from pipeline.tracking.names import (
    DATA_NOTE_TAG,
    DATA_RUN_TAG,
    DESCRIPTION_TAG,
    validation_accuracy,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

PAGE_FOLDER = "page"
PLOT_WIDTH = 640  # pixels


def describe(client: "MlflowClient", run_id: str) -> None:
    """Write the description of a training or of predictions; other runs keep the one they have."""
    run = client.get_run(run_id)
    headline = HEADLINES.get(run.data.tags.get("stage", ""))
    if headline is None or not run.data.metrics:
        return
    lines = headline(run.data.metrics)
    if warning := run.data.tags.get(DATA_NOTE_TAG):
        lines.insert(1, f"**{warning}**")
    if data_run := run.data.tags.get(DATA_RUN_TAG):
        lines.append(f"Data: {_link(client, data_run)}")
    text = "\n\n".join(lines)
    plot = next((plot for plot in BEST_PLOTS if _exists(client, run_id, plot)), None)
    if plot == LOW_MATRIX:
        text = _beside(lines, run_id, plot)
    elif plot:
        text += f"\n\n{picture(run_id, log_small(client, run_id, plot))}"
    client.set_tag(run_id, DESCRIPTION_TAG, text)


def _link(client: "MlflowClient", run_id: str) -> str:
    """Return a link to a run that says its name and the start of its id."""
    info = client.get_run(run_id).info
    address = f"#/experiments/{info.experiment_id}/runs/{run_id}"
    return f'<a href="{address}">run {escape(info.run_name)} ({run_id[:8]})</a>'


def _exists(client: "MlflowClient", run_id: str, path: str) -> bool:
    folder = path.partition("/")[0]
    folders = {file.path for file in client.list_artifacts(run_id) if file.is_dir}
    return folder in folders and path in {
        file.path for file in client.list_artifacts(run_id, folder)
    }


def _beside(lines: Sequence[str], run_id: str, plot: str) -> str:
    """Return lines, all but the first run together, with a picture at their right.

    In HTML, since Markdown's tables need a heading.
    """
    text = "<br>".join([lines[0], " · ".join(lines[1:])])
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
    image = f'<img src="{_artifact(run_id, plot)}">'
    return f"<table><tr><td>{text}</td><td>{image}</td></tr></table>"


def log_small(client: "MlflowClient", run_id: str, plot: str) -> str:
    """Record a copy of a run's plot, scaled down to the width of a page; return its path.

    MLflow shows pictures at full size, whatever the Markdown says.
    """
    from PIL import Image

    with TemporaryDirectory() as place:
        path = Path(client.download_artifacts(run_id, plot, place))
        with Image.open(path) as full:
            height = round(full.height * PLOT_WIDTH / full.width)
            small = full.convert("RGB").resize((PLOT_WIDTH, height), reducing_gap=3.0)
        small.save(path)
        folder = f"{PAGE_FOLDER}/{Path(plot).parent}"
        client.log_artifact(run_id, str(path), folder)
    return f"{folder}/{path.name}"


def picture(run_id: str, path: str) -> str:
    """Return Markdown that shows a picture of a run on whichever server shows the page."""
    return f"![{path}]({_artifact(run_id, path)})"


def _artifact(run_id: str, path: str) -> str:
    return f"get-artifact?{urlencode({'path': path, 'run_uuid': run_id})}"


def accuracies(metrics: Mapping[str, float]) -> list[str]:
    """Return the test and the validation accuracy, as far as known, in a line each."""
    shown = {"test": metrics.get("test_accuracy"), "validation": validation_accuracy(metrics)}
    return [
        f"**{100 * share:.2f} %** of {part} digits right"
        for part, share in shown.items()
        if share is not None
    ]


def beyond_accuracy(metrics: Mapping[str, float]) -> str:
    """Return in a line what evaluate measures besides accuracy; "" if it was not measured."""
    shown = (
        ("corrupted_accuracy", 100, "{:.1f} % of corrupted digits right"),
        ("error_auroc", 1, "mistakes: AUROC {:.3f}"),
        ("outlier_auroc", 1, "no digits: AUROC {:.3f}"),
        ("test_calibration_error", 100, "calibration error {:.2f} %"),
        ("ms_per_picture", 1, "{:.2g} ms a picture"),
    )
    return " · ".join(
        text.format(factor * metrics[key]) for key, factor, text in shown if key in metrics
    )


def _of_training(metrics: Mapping[str, float]) -> list[str]:
    cost = []
    if "test_mistakes" in metrics:
        wrong, total = metrics["test_mistakes"], metrics["test_pictures"]
        cost.append(f"{wrong:,.0f} of {total:,.0f} read wrong")
    if "parameters" in metrics:
        cost.append(f"{metrics['parameters']:,.0f} parameters")
    if "training_seconds" in metrics:
        cost.append(f"{metrics['training_seconds']:,.0f} s of training")
    lines = (" · ".join(accuracies(metrics)), " · ".join(cost), beyond_accuracy(metrics))
    return [line for line in lines if line]


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
LOW_MATRIX = "evaluate/confusion_low.png"
BEST_PLOTS = (LOW_MATRIX, "evaluate/confusion_matrix.png", "predict-custom/predictions.png")
