"""Where the project's files are."""

from pathlib import Path

from pipeline.config.places import ROOT, home, sections_of_stage


def test_home_is_where_dvc_says(monkeypatch):
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert home() == ROOT
    monkeypatch.setenv("DVC_ROOT", "/somewhere/else")
    assert home() == Path("/somewhere/else")


def test_a_stage_reads_the_sections_that_dvc_watches_for_it():
    assert sections_of_stage("pipeline.stages.predict_custom") == ("predict",)
    assert sections_of_stage("pipeline.stages.evaluate") == ()
