"""`python -m pipeline`: what is refused before DVC begins."""

import pytest

from pipeline import __main__ as experiment
from pipeline.cli import drift, workspace
from pipeline.config.composing import compose
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
    monkeypatch.setattr(workspace, "DVC_LOCK", tmp_path / "rwlock")


@pytest.mark.usefixtures("alone")
def test_no_experiment_changes_params_yaml_while_another_runs(monkeypatch):
    monkeypatch.setattr(experiment, "write_params", pytest.fail)
    with (
        workspace.lock_params(),
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
    assert capsys.readouterr().err.startswith("error: `dvc repro` did not finish")
