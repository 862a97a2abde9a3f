"""Compare trainings in a report: `python -m pipeline.report [runs=[ID,…]] [last=N] [output=FILE]`.

Writes one self-contained HTML file about trainings recorded in MLflow, to send to someone.
"""

import base64
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from pydantic import Field

from pipeline.cli.command import run_tool
from pipeline.config.places import project_path
from pipeline.config.schema import Config, Options
from pipeline.system.files import write_text
from pipeline.tracking.names import LAYER_PARAMS
from pipeline.tracking.past_runs import CUSTOM_PLOT, PLOTS, PastTraining, read_trainings
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.records import File

log = logging.getLogger(__name__)

STAGE = "report"
TEMPLATE = Path(__file__).with_name("report.html.jinja")
EPOCHS = "train.epochs"
# The columns of the table: for each metric, its heading and its format.
COLUMNS = {
    "val_accuracy": ("validation", "{:.2%}"),
    "test_accuracy": ("test", "{:.2%}"),
    "custom_accuracy": ("own pictures", "{:.1%}"),
    "test_calibration_error": ("calibration error", "{:.2%}"),
    "parameters": ("parameters", "{:,.0f}"),
    "training_seconds": ("training, s", "{:,.0f}"),
}


class ReportOptions(Options):
    """Which trainings to compare, and where to write the report."""

    runs: list[str] | None = None
    last: Annotated[int, Field(ge=1, le=1000)] = 10
    output: Annotated[str, Field(min_length=1)] = "reports/report.html"


def run(config: Config, options: ReportOptions) -> None:
    """Write the report and record it in MLflow."""
    experiments = read_trainings(config.tracking, options.runs, options.last)
    output = project_path(Path(options.output).expanduser())
    write_text(output, render(experiments))
    name = f"report on {len(experiments)} experiment{'s' if len(experiments) > 1 else ''}"
    request = RunRequest(config.tracking.experiment, name, {"stage": STAGE})
    with new_run(config.tracking, request) as recorder:
        recorder.record(*File.each([output], STAGE))
    log.info("%s: %s", name, output)


def render(experiments: Sequence[PastTraining]) -> str:
    """Return the report as HTML; `experiments` are sorted, best first."""
    from jinja2 import Environment

    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        TEMPLATE.read_text(encoding="utf-8")
    )
    return template.render(
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        best=experiments[0],
        several=len({each.data for each in experiments}) > 1,
        columns=[heading for heading, _ in COLUMNS.values()],
        rows=[(each.name, each.id, cells(each)) for each in experiments],
        grid=grid(experiments),
        curves=draw_curves(experiments),
        details=[
            (each.name, [(path, data_uri(each.plots[path])) for path in plots_of(each)])
            for each in experiments
        ],
        notes=[f"{each.name}: {each.note}" for each in experiments if each.note],
    )


def cells(experiment: PastTraining) -> list[str]:
    """Return an experiment's table cells, with a dash for each metric that was not measured."""
    return [
        form.format(experiment.metrics[key]) if key in experiment.metrics else "–"
        for key, (_, form) in COLUMNS.items()
    ]


def layers_of(experiment: PastTraining) -> str:
    """Return a network's name by its layers, such as "mlp 256-128"."""
    sizes = next((experiment.params[key] for key in LAYER_PARAMS if key in experiment.params), "")
    family = experiment.params.get("model", "network")
    return f"{family} {sizes.strip('[]').replace(', ', '-')}".strip()


def grid(experiments: Sequence[PastTraining]) -> dict[str, Any]:
    """Arrange the best validation accuracy by layers (rows) and epochs (columns).

    Returns:
        "epochs": the numbers of epochs, ascending. "rows": for each network its name and a cell for
        each number of epochs. A cell is the accuracy as text and its position from 0 (worst) to 1
        (best); None if this was not tried.
    """
    best: dict[tuple[str, int], float] = {}
    for each in experiments:
        if EPOCHS in each.params and "val_accuracy" in each.metrics:
            key = layers_of(each), int(each.params[EPOCHS])
            best[key] = max(best.get(key, 0.0), each.metrics["val_accuracy"])
    low, high = min(best.values(), default=0.0), max(best.values(), default=1.0)
    epochs = sorted({number for _, number in best})
    rows = [
        (
            name,
            [
                (f"{best[name, number]:.2%}", (best[name, number] - low) / ((high - low) or 1))
                if (name, number) in best
                else None
                for number in epochs
            ],
        )
        for name in dict.fromkeys(name for name, _ in best)
    ]
    return {"epochs": epochs, "rows": rows}


def draw_curves(experiments: Sequence[PastTraining]) -> str | None:
    """Plot the learning curves of all experiments that have any; return the plot as a data URI."""
    from pipeline.plots.report import Curve, curves_together
    from pipeline.plots.style.page import save_figure

    drawn = [
        each
        for each in experiments
        if each.curves["val_accuracy"]
        and each.curves["val_accuracy"].keys() == each.curves["val_loss"].keys()
    ]
    if not drawn:
        return None
    curves = [
        Curve(
            each.name,
            sorted(each.curves["val_accuracy"]),
            [value for _, value in sorted(each.curves["val_accuracy"].items())],
            [value for _, value in sorted(each.curves["val_loss"].items())],
        )
        for each in drawn
    ]
    notes = dict.fromkeys(each.note for each in drawn if each.note)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "curves.png"
        save_figure(curves_together(curves, " ".join(notes) or None), path)
        return data_uri(path.read_bytes())


def plots_of(experiment: PastTraining) -> list[str]:
    """Return the names of an experiment's plots in the order in which they are shown."""
    return [path for path in (CUSTOM_PLOT, *PLOTS) if path in experiment.plots]


def data_uri(png: bytes) -> str:
    """Return a PNG picture as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def main() -> None:
    """Run from the command line."""
    run_tool(ReportOptions, run, __doc__)


if __name__ == "__main__":
    main()
