"""The table of benchmarks is one that is brought up to date, row by row."""

import importlib
import tempfile

import pytest
from support.networks import write_line_reader
from support.pictures import picture

from benchmarks import __main__ as bench
from benchmarks import fuzz_pictures, real_numbers, whole_numbers
from pipeline.digits.datasets.mnist import mnist_5000
from pipeline.digits.recognition.lines.reader import LineReader

BY_HAND = {"fuzz_pictures", "real_numbers"}  # no rows for the table; pictures of one's own


def row(what, result):
    return f"| {what} | {result} | `python -m benchmarks.x` | 2026-11-23 |"


def test_what_is_committed_is_what_the_benchmarks_write():
    text = bench.RESULTS.read_text(encoding="utf-8")
    table = text[text.index(bench.HEADER) :].splitlines()
    assert table[:2] == bench.heading()[-2:]
    assert table[2:] == bench.merged(text, [])


@pytest.mark.parametrize(
    "command", sorted({command.split()[0] for command in bench.FULL} | BY_HAND)
)
def test_every_benchmark_knows_the_code_as_it_is(command):
    assert importlib.import_module(f"benchmarks.{command}").main


def test_new_rows_take_the_places_of_the_old():
    kept = "\n".join([*bench.heading(), row("a", 1), row("b", 2)])
    assert bench.merged(kept, [row("c", 3), row("a", 4)]) == [
        row("a", 4), row("b", 2), row("c", 3)
    ]  # fmt: skip


def test_only_the_named_benchmarks_run_and_each_keeps_its_rows_at_once(monkeypatch, tmp_path):
    ran = []

    def run(command):
        ran.append(command)
        if "cnn" in command:
            raise KeyboardInterrupt
        return [row(command, len(ran))]

    monkeypatch.setattr(bench, "run", run)
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.md")
    monkeypatch.setattr("sys.argv", ["benchmarks", "accuracy"])
    with pytest.raises(KeyboardInterrupt):
        bench.main()
    assert [command.split()[1] for command in ran] == ["default", "cnn"]
    assert row(ran[0], 1) in bench.RESULTS.read_text(encoding="utf-8")


def test_damaged_files_are_read_or_refused():
    outcomes = fuzz_pictures.fuzz(200, seed=0)
    assert set(outcomes) == {"read", "refused"}


def test_an_input_that_breaks_the_reading_is_kept_and_named(monkeypatch, capsys, tmp_path):
    def breaks(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(fuzz_pictures, "decode", breaks)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert fuzz_pictures.fuzz(1, seed=0) == {"FAILED": 1}
    (kept,) = tmp_path.iterdir()
    assert f"ZeroDivisionError(); the input is {kept}" in capsys.readouterr().out


@pytest.mark.parametrize("kind", whole_numbers.KINDS)
def test_numbers_of_every_kind_are_composed_and_what_is_misread_is_kept(kind, tmp_path):
    reader = LineReader.load(write_line_reader(tmp_path / "lines.onnx"))
    answers = whole_numbers.measure(kind, 2, mnist_5000().test, reader, seed=0, failures=tmp_path)
    assert len(answers) == 2
    misread = sum(not each.right for each in answers)
    assert len(list(tmp_path.glob(f"{kind} * is *.png"))) == misread > 0


def test_real_numbers_are_read_exactly_or_not(tmp_path, monkeypatch, capsys):
    write_line_reader(tmp_path / "lines.onnx")
    for name in "ab":
        picture(1).save(tmp_path / f"{name}.png")
    (tmp_path / "labels.csv").write_text("file,label,mode\na.png,1,number\nb.png,11,number\n")
    options = ["", str(tmp_path), "--model", str(tmp_path / "lines.onnx"), "--misread"]
    monkeypatch.setattr("sys.argv", options)
    real_numbers.main()
    told = capsys.readouterr().out
    assert "50.0% of 2 read exactly, 100.0% called ok, 50.0% of these wrong" in told
    assert "b.png: 11 read as 1 (" in told
