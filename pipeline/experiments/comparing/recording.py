"""Write the results of many trials to files, and record them in MLflow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.config.params import dump
from pipeline.experiments.comparing.axes import label
from pipeline.experiments.comparing.groups import CHOOSES, Group, group_rows, grouped, keys_of
from pipeline.experiments.comparing.results import Result, note_of, ranked, rows, trial_name
from pipeline.experiments.comparing.table import cells, markdown
from pipeline.system.files import write_csv
from pipeline.tracking.names import CONFIG_ARTIFACT, DESCRIPTION_TAG
from pipeline.tracking.page import picture
from pipeline.tracking.recording.recorder import Recorder
from pipeline.tracking.recording.records import File, Metrics, Table, Tags, Text

LOW_HEAT_MAP = "heat_map_low.png"  # for the page of the run
LONGEST_TABLE = 4_950  # characters, in a tag; every MLflow store accepts tags of 5,000


def record(
    recorder: Recorder, results: Sequence[Result], files: Sequence[Path], folder: str
) -> None:
    """Record the results of a sweep or search on its run, with the configuration of the best.

    Of several data sets none is the best of all.
    """
    groups = grouped(results)
    recorder.record(*File.each(files, folder))
    recorder.record(_as_table(cells(groups), f"{folder}/groups.json"))
    recorder.record(_as_table(rows(ranked(results)), f"{folder}/results.json"))
    heat_map = f"{folder}/{LOW_HEAT_MAP}"
    shown = LOW_HEAT_MAP in {file.name for file in files}
    start = f"{picture(recorder.run_id(), heat_map)}\n\n" if shown else ""
    recorder.record(Tags({DESCRIPTION_TAG: start + _with_room(markdown(results), len(start))}))
    if note := note_of(results):
        recorder.record(Tags({"note": note}))
    leading = [group for group in groups if group.leads]
    if len(leading) == 1:
        (best,) = leading
        first = next(each for each in best.results if each.outcome.status == "finished")
        recorder.record(Text(dump(first.trial.config), CONFIG_ARTIFACT))
        recorder.record(Metrics(_headline(best)))


def _with_room(text: str, taken: int) -> str:
    """Return as many whole lines as have room in a tag."""
    room = LONGEST_TABLE - taken
    if len(text) <= room:
        return text
    return text[:room].rpartition("\n")[0] + "\n\n…"


def _as_table(listed: Sequence[Mapping[str, Any]], path: str) -> Table:
    return Table({name: [row[name] for row in listed] for name in listed[0]}, path)


def _headline(best: Group) -> dict[str, float]:
    """Return the figures of the best group: means, and the ends of their intervals."""
    figures = {"best_seeds": float(len(best.outcomes))}
    for key in (CHOOSES, "test_accuracy"):
        low, high = best.interval(key)
        found = {"": best.mean(key), "_low": low, "_high": high}
        figures |= {f"best_{key}{end}": each for end, each in found.items() if each is not None}
    return figures


def write(results: Sequence[Result], folder: Path) -> list[Path]:
    """Write the tables as CSV, and plots of the finished trials; return the files."""
    groups = grouped(results)
    tables = {"groups.csv": group_rows(groups), "results.csv": rows(ranked(results))}
    for name, listed in tables.items():
        write_csv(folder / name, list(listed[0]), (list(row.values()) for row in listed))
    files = [folder / name for name in tables]
    finished = [group for group in groups if group.outcomes]
    return [*files, *_plot(finished, folder, note_of(results))] if finished else files


def _plot(finished: Sequence[Group], folder: Path, note: str | None) -> list[Path]:
    from pipeline.plots import sweep as plots
    from pipeline.plots.intervals import intervals
    from pipeline.plots.style.page import save_figure

    keys = keys_of(finished)
    listed = [
        row | {"name": trial_name(group.results[0].trial, keys)}
        for row, group in zip(group_rows(finished), finished, strict=True)
    ]
    figures = {
        LOW_HEAT_MAP: plots.low_heatmap(listed),
        "accuracy_by_size_and_epochs.png": plots.heatmap(listed, note),
        "accuracy_with_intervals.png": intervals(listed, note),
        "accuracy_against_cost.png": plots.cost(listed, note),
        "parallel_coordinates.png": plots.parallel(
            listed, ["network", "epochs", *map(label, keys)], note
        ),
    }
    for name, figure in figures.items():
        save_figure(figure, folder / name)
    return [folder / name for name in figures]
