"""Compare trainings in a report: `digits report [runs=[ID,…]] [best=N] [output=FILE]`.

Writes one self-contained HTML file, to send to someone, about trainings recorded in MLflow: those
named, or the best configurations on the data of the last training.
"""

import base64
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import Field

from pipeline.cli.command import run_tool
from pipeline.config.places import project_path
from pipeline.config.schema import Config, Options
from pipeline.digits.seeds import Verdict, compare_with_best, mean_interval
from pipeline.system.files import typed_path, write_text
from pipeline.tracking.names import LAYER_PARAMS
from pipeline.tracking.past_runs import CUSTOM_PLOT, PLOTS, PastTraining, read_trainings
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.records import File
from pipeline.tracking.recording.starting import deliver_waiting

log = logging.getLogger(__name__)

STAGE = "report"
TEMPLATE = Path(__file__).with_name("report.html.jinja")
EPOCHS = "train.epochs"
SEED = "seed"
CHOOSES = "val_accuracy"
COMPARED = "compared with the best"
# The columns of the table: for each metric, its heading and its format.
COLUMNS = {
    "val_accuracy": ("validation", "{:.2%}"),
    "test_accuracy": ("test", "{:.2%}"),
    "custom_accuracy": ("own pictures", "{:.1%}"),
    "parameters": ("parameters", "{:,.0f}"),
    "training_seconds": ("training, s", "{:,.0f}"),
}
# The same for the table of what else was measured. Trials measure some on validation pictures.
MORE = {
    "corrupted_accuracy": ("corrupted digits right", "{:.1%}"),
    "error_auroc": ("mistakes, AUROC", "{:.3f}"),
    "outlier_auroc": ("no digits, AUROC", "{:.3f}"),
    "outlier_fpr95": ("no digits, FPR95", "{:.1%}"),
    "test_calibration_error": ("calibration error", "{:.2%}"),
    "ms_per_picture": ("ms a picture", "{:.2f}"),
    "model_bytes": ("bytes", "{:,.0f}"),
}
UNKNOWN = "–"


class ReportOptions(Options):
    """Which trainings to compare, and where to write the report."""

    runs: list[str] | None = Field(
        None, description="MLflow runs to compare, such as `runs=[ID,ID]`; null: the best ones."
    )
    best: int = Field(10, ge=1, le=1000, description="How many of the best configurations.")
    output: str = Field("reports/report.html", min_length=1, description="The file to write.")


def run(config: Config, options: ReportOptions) -> None:
    """Write the report and record it in MLflow."""
    deliver_waiting(config.tracking)
    experiments = read_trainings(config.tracking, options.runs, options.best)
    output = project_path(typed_path(options.output))
    write_text(output, render(experiments))
    name = f"report on {len(experiments)} experiment{'s' if len(experiments) > 1 else ''}"
    request = RunRequest(config.tracking.experiment, name, {"stage": STAGE})
    with new_run(config.tracking, request) as recorder:
        recorder.record(*File.each([output], STAGE))
    log.info("%s: %s", name, output)


def render(experiments: Sequence[PastTraining]) -> str:
    """Return the report as HTML; `experiments` are sorted, best first."""
    from jinja2 import Environment

    groups = grouped(experiments)
    repeated = len(groups) < len(experiments)
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        TEMPLATE.read_text(encoding="utf-8")
    )
    return template.render(
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        count=len(experiments),
        best=groups[0],
        several=len({each.data for each in experiments}) > 1,
        columns=[*(heading for heading, _ in COLUMNS.values()), *([COMPARED] if repeated else [])],
        rows=[
            (
                each.name,
                each.origin,
                each.ids,
                cells(each) + ([each.compared()] if repeated else []),
            )
            for each in groups
        ],
        repeated=repeated,
        more_columns=[heading for heading, _ in MORE.values()],
        more_rows=[
            (each.name, shown) for each in groups if {*(shown := more_cells(each))} != {UNKNOWN}
        ],
        grids=grids(groups),
        curves=draw_curves(groups),
        details=[
            (each.name, [(path, data_uri(each.plots[path])) for path in plots_of(each)])
            for each in experiments
        ],
        notes=[f"{each.name}: {each.note}" for each in experiments if each.note],
    )


@dataclass(frozen=True)
class Group:
    """Trainings that differ in their seed alone.

    Attributes:
        trainings: At least one, by seed.
        verdict: How it compares with the best group; None for that one.
    """

    trainings: Mapping[int, PastTraining]
    verdict: Verdict | None = None

    @property
    def first(self) -> PastTraining:
        """One of them, for what they share."""
        return next(iter(self.trainings.values()))

    @property
    def name(self) -> str:
        """The name that they share, and how many they are."""
        if len(self.trainings) == 1:
            return self.first.name
        parts = [part for part in self.first.name.split(" · ") if not part.startswith("seed ")]
        return " · ".join([*parts, f"{len(self.trainings)} seeds"])

    @property
    def origin(self) -> str:
        """Their data and seeds, as far as known, such as "mnist · seed 1, 2"."""
        seeds = [self.trainings[key].params.get(SEED) for key in sorted(self.trainings)]
        data = self.first.params.get("data")
        parts = [data, f"seed {', '.join(map(str, seeds))}" if all(seeds) else None]
        return " · ".join(part for part in parts if part)

    @property
    def ids(self) -> str:
        """Their MLflow runs."""
        return " ".join(each.id for each in self.trainings.values())

    def by_seed(self, key: str) -> dict[int, float]:
        """Return a metric of the trainings that have it."""
        known = self.trainings.items()
        return {seed: each.metrics[key] for seed, each in known if key in each.metrics}

    def mean(self, key: str) -> float | None:
        """Return the mean of a metric; None if no training has it."""
        values = self.by_seed(key).values()
        return sum(values) / len(values) if values else None

    def compared(self) -> str:
        """Say in a few words how it compares with the best."""
        return self.verdict.in_words() if self.verdict else "best"


def grouped(experiments: Sequence[PastTraining]) -> list[Group]:
    """Group trainings that differ in their seed alone; on each data set the best group first."""
    found: dict[str, dict[int, PastTraining]] = {}
    for each in experiments:
        seed = each.params.get(SEED, "")
        known = each.configuration is not None and seed.isdigit()
        key = f"{each.configuration} {each.data}" if known else each.id
        found.setdefault(key, {}).setdefault(int(seed) if known else 0, each)
    groups = [Group(trainings) for trainings in found.values()]
    data = dict.fromkeys(each.data for each in experiments)
    return [
        each
        for digest in data
        for each in _compared([group for group in groups if group.first.data == digest])
    ]


def _compared(groups: Sequence[Group]) -> list[Group]:
    """Return groups on the same data, the best first, each with how it compares with the best."""
    best, *others = sorted(groups, key=lambda group: -(group.mean(CHOOSES) or 0.0))
    verdicts = compare_with_best(best.by_seed(CHOOSES), [each.by_seed(CHOOSES) for each in others])
    paired = zip(others, verdicts, strict=True)
    return [best, *(replace(group, verdict=verdict) for group, verdict in paired)]


def cells(group: Group) -> list[str]:
    """Return a group's table cells, with a dash for each metric that was not measured."""
    return [_cell(list(group.by_seed(key).values()), form) for key, (_, form) in COLUMNS.items()]


def more_cells(group: Group) -> list[str]:
    """Return the cells of what else was measured; those on validation pictures with a star."""
    return [_tested_or_validated(group, key, form) for key, (_, form) in MORE.items()]


def _tested_or_validated(group: Group, key: str, form: str) -> str:
    tested, validated = (list(group.by_seed(name).values()) for name in (key, f"val_{key}"))
    return f"{_cell(validated, form)} *" if validated and not tested else _cell(tested, form)


def _cell(values: Sequence[float], form: str) -> str:
    """Return the mean of a metric with half its interval, such as "98.44% ± 0.12%"."""
    if not values:
        return UNKNOWN
    mean, interval = sum(values) / len(values), mean_interval(values)
    half = (interval[1] - interval[0]) / 2 if interval else 0.0
    return form.format(mean) + (f" ± {form.format(half)}" if half else "")


def layers_of(experiment: PastTraining) -> str:
    """Return a network's name by its layers, such as "mlp 256-128"."""
    sizes = next((experiment.params[key] for key in LAYER_PARAMS if key in experiment.params), "")
    family = experiment.params.get("model", "network")
    return f"{family} {sizes.strip('[]').replace(', ', '-')}".strip()


def grids(groups: Sequence[Group]) -> list[tuple[str, dict[str, Any]]]:
    """Return the grid of each data set with its name, since accuracies on others are no rivals."""
    found: dict[str | None, list[Group]] = {}
    for each in groups:
        found.setdefault(each.first.data, []).append(each)
    return [(each[0].first.params.get("data", "unknown"), grid(each)) for each in found.values()]


def grid(groups: Sequence[Group]) -> dict[str, Any]:
    """Arrange the best mean validation accuracy by layers (rows) and epochs (columns).

    Returns:
        "epochs": the numbers of epochs, ascending. "rows": for each network its name and a cell for
        each number of epochs. A cell is the accuracy as text and its position from 0 (worst) to 1
        (best); None if this was not tried.
    """
    best: dict[tuple[str, int], float] = {}
    for each in groups:
        accuracy = each.mean(CHOOSES)
        if EPOCHS in each.first.params and accuracy is not None:
            key = layers_of(each.first), int(each.first.params[EPOCHS])
            best[key] = max(best.get(key, 0.0), accuracy)
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


def draw_curves(groups: Sequence[Group]) -> str | None:
    """Plot the learning curves of all groups that have any; return the plot as a data URI."""
    from pipeline.plots.report import Curve, curves_together
    from pipeline.plots.style.page import save_figure

    curves = []
    notes: dict[str, None] = {}
    for group in groups:
        drawn = [each for each in group.trainings.values() if _has_curves(each)]
        if drawn:
            accuracy, loss = ([each.curves[key] for each in drawn] for key in (CHOOSES, "val_loss"))
            curves.append(Curve.of(group.name, accuracy, loss))
            notes |= dict.fromkeys(each.note for each in drawn if each.note)
    if not curves:
        return None
    with TemporaryDirectory() as folder:
        path = Path(folder) / "curves.png"
        save_figure(curves_together(curves, " ".join(notes) or None), path)
        return data_uri(path.read_bytes())


def _has_curves(each: PastTraining) -> bool:
    accuracy, loss = each.curves[CHOOSES], each.curves["val_loss"]
    return bool(accuracy) and accuracy.keys() == loss.keys()


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
