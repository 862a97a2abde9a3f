"""The command says what nothing needs, and removes it only if that is agreed to."""

import sys

import pytest

from pipeline import gc
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.gc import GcOptions, in_bytes, run, table
from pipeline.leftovers.removal import Leftovers


@pytest.fixture
def left(tmp_path, monkeypatch):
    """Return two files, of which one is only told of, in place of what lies in this checkout."""
    files = [tmp_path / "goes" / "a", tmp_path / "stays"]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_text("abc")
    forgotten = []
    found = [
        Leftovers("runs", [files[0].parent], 1, lambda: forgotten.append(1)),
        Leftovers("unknown", [files[1]], removable=False),
        Leftovers("none", []),
    ]
    monkeypatch.setattr(gc, "find", lambda *_, **__: iter(found))
    monkeypatch.setattr(gc, "expect_nobody", lambda: None)
    monkeypatch.setattr(gc, "follow_move", lambda: None)
    return [*files, forgotten]


@pytest.fixture
def config():
    return validate(compose([]))


def test_without_consent_it_only_says_how_much(left, config, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    run(config, GcOptions())
    goes, stays, forgotten = left
    assert goes.exists()
    assert stays.exists()
    assert not forgotten
    printed = capsys.readouterr().out
    assert "yes=true" in printed
    assert [line.split() for line in printed.splitlines()[1:3]] == [
        ["1", "3", "B", "runs"], ["1", "3", "B", "unknown"]
    ]  # fmt: skip


def test_with_consent_it_removes_what_may_go(left, config):
    run(config, GcOptions(yes=True))
    goes, stays, forgotten = left
    assert not goes.parent.exists()
    assert stays.exists()
    assert forgotten == [1]


@pytest.mark.parametrize(("answer", "removed"), [("y", True), ("", False), ("no", False)])
def test_a_person_is_asked(answer, removed, left, config, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    run(config, GcOptions())
    assert left[0].exists() != removed


def test_where_nothing_is_left_it_says_so():
    assert list(table([])) == ["nothing lies here that nothing needs"]


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2e6, "2.0 MB"), (3e9, "3.0 GB")],
)
def test_sizes_are_short(size, shown):
    assert in_bytes(int(size)) == shown
