"""`digits`: what is refused before DVC begins."""

import os
import subprocess
import sys

import pytest

from pipeline import __main__ as experiment
from pipeline.cli import drift
from pipeline.cli.project import workspace
from pipeline.config.composing import compose
from pipeline.config.places import ROOT
from pipeline.system.errors import InputError


@pytest.mark.parametrize(
    "override",
    [
        "train.init_from=models/model.keras",
        "predict.images=nowhere",
        "predict.output=/elsewhere",
        "predict.output=models/answers",
        "predict.output=reports",
        "predict.output=reports/train-lines",
        "predict.output=data/custom",
        "predict.images=.. predict.output=answers",
        "predict.mode=number",
    ],
)
def test_what_dvc_would_refuse_late_is_refused_at_once(override, monkeypatch):
    monkeypatch.setattr(experiment, "write_params", pytest.fail)
    with pytest.raises(InputError, match=override.split()[-1].partition("=")[0]):
        experiment.run(compose(override.split()))


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """Let no experiment be running here."""
    monkeypatch.setattr(workspace, "EXPERIMENT_LOCK", tmp_path / "experiment")
    monkeypatch.setattr(workspace, "DVC_LOCK", tmp_path / "lock")
    monkeypatch.setattr(experiment, "read_params", lambda: compose([]))


@pytest.mark.usefixtures("alone")
def test_no_experiment_changes_params_yaml_while_another_runs(monkeypatch):
    monkeypatch.setattr(experiment, "write_params", pytest.fail)
    with (
        workspace.lock_workspace(),
        pytest.raises(InputError, match="an experiment is running here"),
    ):
        experiment.run(compose([]))


@pytest.mark.usefixtures("alone")
def test_the_experiment_tells_the_drift_itself_and_ends_with_the_summary(
    monkeypatch, caplog, capsys
):
    caplog.set_level("INFO")
    environments = []
    monkeypatch.setattr(experiment, "write_params", lambda _: True)
    monkeypatch.setattr(experiment, "reproduce", lambda env: environments.append(env) or 0)
    monkeypatch.setattr(experiment, "summarise", lambda _: "the table")
    monkeypatch.setattr(experiment, "compare_experiment", lambda tree: [f"seed {tree['seed']}"])
    experiment.run(compose(["seed=1"]))
    assert caplog.messages == [
        "params.yaml rewritten", "params.yaml differs from the defaults of conf/ in seed"
    ]  # fmt: skip
    assert drift.REPORTED_BY_CALLER in environments[0]
    assert capsys.readouterr().out.splitlines()[-2:] == ["the table", "seed 1"]


@pytest.mark.usefixtures("alone")
def test_an_experiment_that_dvc_did_not_finish_ends_as_dvc_did(monkeypatch, capsys):
    monkeypatch.setattr(experiment, "write_params", lambda _: True)
    monkeypatch.setattr(experiment, "reproduce", lambda _: 255)
    monkeypatch.setattr(experiment, "summarise", pytest.fail)
    with pytest.raises(SystemExit) as ended:
        experiment.run(compose([]))
    assert ended.value.code == 255
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: `dvc repro` did not finish")
    assert "`git checkout params.yaml` goes back" in line


@pytest.mark.usefixtures("alone")
def test_an_interrupted_experiment_says_what_remains_and_how_to_go_back(monkeypatch, capsys):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "write_params", lambda _: True)
    monkeypatch.setattr(experiment, "reproduce", interrupt)
    with pytest.raises(SystemExit) as ended:
        experiment.run(compose([]))
    assert ended.value.code == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: interrupted. params.yaml keeps these settings")


@pytest.mark.usefixtures("alone")
def test_no_results_are_shown_for_settings_that_were_changed_meanwhile(monkeypatch, capsys):
    monkeypatch.setattr(experiment, "write_params", lambda _: True)
    monkeypatch.setattr(experiment, "reproduce", lambda _: 0)
    read = iter([compose([]), compose(["seed=2"])])
    monkeypatch.setattr(experiment, "read_params", lambda: next(read))
    monkeypatch.setattr(experiment, "summarise", pytest.fail)
    with pytest.raises(SystemExit):
        experiment.run(compose([]))
    assert capsys.readouterr().err.startswith("error: params.yaml was changed in seed meanwhile")


@pytest.mark.parametrize("command", ["pipeline", "pipeline.sweep", "pipeline.stages.train"])
def test_a_python_without_the_packages_is_refused_in_one_line(command):
    """Without its site-packages, this Python is like one of the system."""
    started = [sys.executable, "-S", "-m", command]
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(started, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: this Python lacks the project's packages; run `make setup`")
