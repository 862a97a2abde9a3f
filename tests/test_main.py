"""`python -m pipeline`: what is refused before DVC begins."""

import pytest

from pipeline import __main__ as experiment
from pipeline.cli import workspace
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
        "predict.output=reports/train-rows",
        "predict.output=data/custom",
        "predict.images=.. predict.output=answers",
    ],
)
def test_what_dvc_would_refuse_late_is_refused_at_once(override, monkeypatch):
    monkeypatch.setattr(experiment, "write_params", pytest.fail)
    with pytest.raises(InputError, match=override.split()[-1].partition("=")[0]):
        experiment.run(compose(override.split()))


def test_no_experiment_changes_params_yaml_while_another_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(workspace, "OWN", tmp_path / "experiment")
    monkeypatch.setattr(workspace, "OF_DVC", tmp_path / "rwlock")
    monkeypatch.setattr(experiment, "write_params", pytest.fail)
    with (
        workspace.own_params(),
        pytest.raises(InputError, match="an experiment is running here"),
    ):
        experiment.run(compose([]))
