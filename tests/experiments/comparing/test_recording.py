"""What a sweep's run and folder hold of its results."""

import csv

import pytest
from PIL import Image
from support.trials import failed, on_other_data, repeated, result

from pipeline.experiments.comparing import recording as module
from pipeline.experiments.comparing.recording import record, write
from pipeline.tracking.recording.records import Metrics, Table, Tags, Text


class Recorder:
    """Keeps what is recorded."""

    def __init__(self):
        self.records = []

    def run_id(self):
        return "f" * 32

    def record(self, *records):
        self.records += records

    def of(self, kind):
        return [each for each in self.records if isinstance(each, kind)]


@pytest.fixture
def results(tree):
    return [*repeated(tree, [0.98, 0.97, 0.99]), *repeated(tree, [0.9, 0.8, 0.85], epochs=3)]


def test_the_run_gets_a_table_a_group_and_the_means_of_the_best(results):
    recorder = Recorder()
    record(recorder, results, [], "sweep")
    tables = {table.path: table.columns for table in recorder.of(Table)}
    assert tables["sweep/groups.json"]["val_accuracy"][0] == "98.00 ± 2.48 %"
    assert len(tables["sweep/results.json"]["seed"]) == 6
    (metrics,) = recorder.of(Metrics)
    assert metrics.values["best_val_accuracy"] == pytest.approx(0.98)
    assert metrics.values["best_val_accuracy_low"] == pytest.approx(0.98 - 0.02484, abs=1e-5)
    assert len(recorder.of(Text)) == 1


def test_a_long_table_loses_whole_lines_in_the_description(results, monkeypatch):
    monkeypatch.setattr(module, "markdown", lambda _: "\n".join(["a row of the table"] * 1_000))
    recorder = Recorder()
    record(recorder, results, [], "sweep")
    tags, *_ = recorder.of(Tags)
    text = tags.values["mlflow.note.content"]
    assert len(text) <= 5_000
    assert {*text.splitlines()[:-2]} == {"a row of the table"}


def test_the_page_starts_with_the_heat_map_and_then_a_narrow_table(results, tmp_path):
    recorder = Recorder()
    record(recorder, results, write(results, tmp_path), "sweep")
    tags, *_ = recorder.of(Tags)
    image, _, head, _, best, *_ = tags.values["mlflow.note.content"].splitlines()
    assert "get-artifact?path=sweep%2Fheat_map_low.png&run_uuid=ffff" in image
    assert head == "| network | epochs | seeds | validation | test | compared with the best |"
    assert "98.00 ± 2.48 %" in best
    assert best.endswith("| **best** |")
    with Image.open(tmp_path / "heat_map_low.png") as shown:
        assert shown.height <= 140


def test_files_hold_groups_and_trials_and_a_plot_with_error_bars(results, tmp_path):
    names = [file.name for file in write(results, tmp_path)]
    assert names[:2] == ["groups.csv", "results.csv"]
    assert {"accuracy_with_intervals.png", "accuracy_by_size_and_epochs.png"} <= {*names}
    for name, count in (("groups.csv", 2), ("results.csv", 6)):
        with (tmp_path / name).open() as file:
            assert len(list(csv.DictReader(file))) == count


def test_what_failed_altogether_has_tables_and_no_plot(tree, tmp_path):
    results = [result(tree, failed("too high"))]
    assert [file.name for file in write(results, tmp_path)] == ["groups.csv", "results.csv"]
    record(Recorder(), results, [], "sweep")


def test_of_several_data_sets_none_is_recorded_as_the_best(results):
    recorder = Recorder()
    record(recorder, [*results, *on_other_data(results)], [], "sweep")
    assert recorder.of(Metrics) == recorder.of(Text) == []
    assert "each data set has a best" in str(recorder.of(Tags)[0])
