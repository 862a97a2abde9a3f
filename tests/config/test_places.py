"""Where the project's files are."""

from pathlib import Path

from pipeline.config.places import ROOT, home


def test_home_is_where_dvc_says(monkeypatch):
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert home() == ROOT
    monkeypatch.setenv("DVC_ROOT", "/somewhere/else")
    assert home() == Path("/somewhere/else")
