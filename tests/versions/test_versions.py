"""The table of `make test-versions` says what broke where, and why something was not tried."""

import importlib.util
import sys

import pytest

from pipeline.config.places import ROOT


@pytest.fixture
def versions(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("versions", ROOT / ".ci" / "versions.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "versions", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "KEPT", tmp_path)
    return module


def environment(versions, pytest_prints, python="3.12"):
    """Return an environment whose Python prints this instead of running tests."""
    made = versions.Environment(python, "newest")
    file = made.folder / "bin" / "python"
    file.parent.mkdir(parents=True)
    file.write_text(f"#!/bin/sh\ncat <<'END'\n{pytest_prints}\nEND\n")
    file.chmod(0o755)
    return made


@pytest.mark.parametrize("mark", ["", "===== "], ids=["quiet", "usual"])
def test_what_broke_is_named(versions, mark, monkeypatch):
    printed = (
        "FAILED tests/test_a.py::test_one - AssertionError: 1 failed in 2\n"
        "FAILED tests/test_a.py::test_two[x]\nERROR tests/test_b.py\n"
        f"{mark}2 failed, 3 passed, 1 error in 4.56s{mark[::-1]}"
    )
    asked = []

    def uv(*arguments):
        asked.append(arguments)
        return "mlflow==9.9\nother==1\n" if "list" in arguments else ""

    monkeypatch.setattr(versions, "_uv", uv)
    ((row, broke),) = versions.rows([environment(versions, printed)], [])
    assert row == (
        "| 3.12 | newest: mlflow 9.9 | 2 failed, 3 passed, 1 error in 4.56s | "
        "tests/test_a.py::test_one<br>tests/test_a.py::test_two[x]<br>tests/test_b.py |"
    )
    assert broke
    assert "--upgrade" in asked[0]


def test_where_nothing_broke_it_says_so(versions, monkeypatch):
    monkeypatch.setattr(versions, "_uv", lambda *_: "")
    ((row, broke),) = versions.rows([environment(versions, "== 5 passed in 1.00s ==")], [])
    assert row.endswith("| 5 passed in 1.00s | nothing |")
    assert not broke


def test_tests_that_cannot_even_start_are_broken(versions, monkeypatch):
    monkeypatch.setattr(versions, "_uv", lambda *_: "")
    ((row, broke),) = versions.rows([environment(versions, "no module named pytest")], [])
    assert "no module named pytest" in row
    assert broke


def test_a_python_that_is_not_here_is_not_tried_and_breaks_nothing(versions):
    ((row, broke),) = versions.rows([versions.Environment("3.99", "lock")], [])
    assert row.startswith("| 3.99 | lock | not tried | ")
    assert "3.99" in row.rpartition("not tried")[2]
    assert not broke


def test_uvs_error_is_told_in_one_line_without_its_warnings(versions):
    text = (
        "warning: Failed to inspect 3.10\n  cause: Querying\n"
        "error: No solution found\n  cause: Because tensorflow==2.21.0 has no wheels\n"
    )
    assert versions.why(text) == "No solution found Because tensorflow==2.21.0 has no wheels"
