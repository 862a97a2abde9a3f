"""What changes while a stage of DVC's runs is noticed before DVC records it."""

import os

import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra

from pipeline.cli import command, starts
from pipeline.cli.project import inputs, workspace
from pipeline.config.composing import compose
from pipeline.config.params import dump
from pipeline.system.errors import InputError


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Stand in for a project: a stage that reads two sections, a folder and a file."""
    monkeypatch.setattr(inputs, "ROOT", tmp_path)
    monkeypatch.setattr(inputs, "PARAMS_FILE", tmp_path / "params.yaml")
    stage = {"deps": ["code", "one.py", "${predict.images}"], "params": ["seed", "train.threads"]}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": stage}}))
    (tmp_path / ".dvcignore").write_text("__pycache__/\n/code/words.py\n")
    (tmp_path / "params.yaml").write_text(dump(compose(["predict.images=pictures"])))
    for name in ("code/two.py", "code/words.py", "code/__pycache__/two.pyc", "one.py",
                 "pictures/7.png", "other.py"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


def compose_into(project, *overrides):
    (project / "params.yaml").write_text(dump(compose(["predict.images=pictures", *overrides])))


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["seed=7"], r"params.yaml \(seed\) was changed while train ran"),
        (["train.threads=1"], r"params.yaml \(train.threads\)"),
    ],
)
def test_a_parameter_that_dvc_records_is_told_by_its_name(project, overrides, told):
    started_on = inputs.Inputs.of("train")
    compose_into(project, *overrides)
    with pytest.raises(InputError, match=told):
        started_on.check()


def test_what_dvc_does_not_record_for_the_stage_may_change(project):
    started_on = inputs.Inputs.of("train")
    compose_into(project, "train.epochs=99", "tracking=none")
    for name in ("code/words.py", "code/__pycache__/two.pyc", "other.py", "code/.two.py.swp"):
        (project / name).write_text("changed")
    started_on.check()


@pytest.mark.parametrize("name", ["code/two.py", "one.py", "code/new.py", "pictures/8.png"])
def test_a_file_that_is_changed_or_added_is_told_by_its_name(project, name):
    started_on = inputs.Inputs.of("train")
    (project / name).write_text("changed")
    with pytest.raises(InputError, match=f"^{name} was changed"):
        started_on.check()


def test_a_file_that_is_gone_or_replaced_by_one_of_its_size_counts(project):
    started_on = inputs.Inputs.of("train")
    os.utime(project / "one.py", ns=(1, 1))
    with pytest.raises(InputError, match=r"^one.py"):
        started_on.check()
    (project / "code" / "two.py").unlink()
    with pytest.raises(InputError, match=r"^code/two.py"):
        started_on.check()


@pytest.mark.parametrize("text", ["{", "[]", "seed: 1\n"])
def test_a_broken_params_yaml_is_a_change(project, text):
    started_on = inputs.Inputs.of("train")
    (project / "params.yaml").write_text(text)
    with pytest.raises(InputError, match="was changed while train ran"):
        started_on.check()


@pytest.mark.parametrize("address", ["train", "../dvc.yaml:train"])
def test_a_stage_of_dvc_fails_if_params_yaml_changes_beneath_it(
    project, monkeypatch, capsys, address
):
    monkeypatch.setenv(inputs.STAGE_OF_DVC, address)
    monkeypatch.setattr(workspace, "DVC_LOCK", project / "lock")
    monkeypatch.setattr(workspace, "_held", [])
    monkeypatch.setattr(command, "read_params", lambda: compose([]))
    monkeypatch.setattr(starts, "configure_log", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["stage"])
    reported = []
    monkeypatch.setattr(command, "report_drift_of_stage", reported.append)
    GlobalHydra.instance().clear()
    with pytest.raises(SystemExit) as ended:
        command.run_stage(lambda _: compose_into(project, "seed=7"), None)
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert len(reported) == 1, "of a stage that fails, too"
    assert line.startswith("error: params.yaml (seed) was changed while train ran")
    assert "`dvc commit -f train`" in line
