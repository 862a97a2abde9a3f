"""The table of benchmarks is one that is brought up to date, row by row."""

import importlib

import pytest

from benchmarks import __main__ as bench


def row(what, result):
    return f"| {what} | {result} | `python -m benchmarks.x` | 2026-11-23 |"


def test_what_is_committed_is_what_the_benchmarks_write():
    text = bench.RESULTS.read_text(encoding="utf-8")
    table = text[text.index(bench.HEADER) :].splitlines()
    assert table[:2] == bench.heading()[-2:]
    assert table[2:] == bench.merged(text, [])


@pytest.mark.parametrize("command", sorted({command.split()[0] for command in bench.FULL}))
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
