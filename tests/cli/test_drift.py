"""Drift of params.yaml from the defaults is reported once per command."""

import logging
import os
import subprocess
import sys
from itertools import chain, repeat

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import MissingConfigException

from pipeline.cli import command, drift, starts
from pipeline.config.composing import compose
from pipeline.config.params import read_params
from pipeline.config.places import ROOT
from pipeline.system.errors import InputError


@pytest.fixture
def logged(monkeypatch, caplog):
    """Return a function that runs an idle stage and returns its log messages."""
    monkeypatch.delenv(drift.STAGE_OF_DVC, raising=False)

    def run(*arguments):
        caplog.clear()
        caplog.set_level(logging.INFO)
        done = []
        monkeypatch.setattr("sys.argv", ["stage", *arguments])
        monkeypatch.setattr(starts, "configure_log", lambda *_: None)
        GlobalHydra.instance().clear()
        command.run_stage(done.append, None)
        assert len(done) == 1
        return [record.getMessage() for record in caplog.records]

    return run


@pytest.fixture
def drifted(monkeypatch):
    params = compose([])
    monkeypatch.setattr(command, "read_params", lambda: {**params, "seed": params["seed"] + 1})


DRIFT = (
    "params.yaml differs from the defaults of conf/ in seed; `digits status` says how to go back"
)


@pytest.mark.usefixtures("drifted")
def test_a_stage_says_where_params_yaml_is_not_the_default(logged):
    assert logged() == [DRIFT]


def test_a_stage_on_the_default_says_nothing(logged, monkeypatch):
    monkeypatch.setattr(command, "read_params", lambda: compose([]))
    assert logged() == []


@pytest.mark.usefixtures("drifted")
def test_a_stage_is_silent_if_its_caller_reports(logged, monkeypatch):
    monkeypatch.setenv(drift.REPORTED_BY_CALLER, "1")
    assert logged() == []


def test_a_stage_that_is_done_stays_done_though_its_configuration_is_being_edited(
    logged, monkeypatch
):
    def broken(*_):
        raise MissingConfigException("half written")

    once = chain([read_params()], repeat(None))
    monkeypatch.setattr(command, "read_params", lambda: next(once) or broken_params())
    monkeypatch.setattr(drift, "compose", broken)
    assert logged() == []


def broken_params():
    raise InputError("not YAML")


# Stands in for DVC, by its name, which runs two stages.
DVC = """
import subprocess, sys
for _ in range(2):
    subprocess.run([sys.executable, "-c", sys.argv[2]], check=True)
"""
STAGE = """
import logging, pathlib, sys
from pipeline.cli import drift
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
drift.LAST_REPORT_FILE = pathlib.Path({place!r})
drift.report_drift_of_stage({{"seed": -1}})
"""


def test_of_the_stages_that_dvc_runs_the_first_one_tells_it(tmp_path):
    def repro():
        stage = STAGE.format(place=str(tmp_path / "logged"))
        done = subprocess.run(
            [sys.executable, "-c", DVC, "dvc", stage],
            cwd=ROOT, env={**os.environ, drift.STAGE_OF_DVC: "train"},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.count("params.yaml differs")

    assert repro() == 1
    assert repro() == 1, "once for each command"
