"""What is wrong is explained in one line."""

import shutil

import pytest

from pipeline.cli import command, command_line, explaining, starts
from pipeline.config import composing
from pipeline.config.composing import compose
from pipeline.config.places import CONF_DIR
from pipeline.system.errors import InputError


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("train.epoks=3", "train.epoks: unknown key; did you mean train.epochs?"),
        (
            "train.epochs=1,2",
            "train.epochs=1,2: to try several values, use `digits sweep`",
        ),
        ("--shell-completion", "--shell-completion: add install=SHELL"),
        ("-sc train.epochs=3", "--shell-completion: add install=SHELL"),
        ("-m train.epochs=1,2", "this command runs one experiment; `digits sweep`"),
        (
            "hydra.mode=MULTIRUN hydra/launcher=one_by_one seed=1,2",
            "this command runs one experiment",
        ),
        ("hydra.mode=MULTIRUN seed=1,2", "this command runs one experiment"),
    ],
)
def test_what_cannot_be_composed_is_reported_in_one_line(
    started, capsys, arguments, expected, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)  # Hydra notes there what it was called with
    with pytest.raises(SystemExit) as ended:
        started(*arguments.split())
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {expected}")


@pytest.mark.parametrize("text", [b"hidden_units: [8\n", b"\xff"])
def test_what_is_no_yaml_in_conf_is_reported_in_one_line(refused, text, tmp_path, monkeypatch):
    conf = tmp_path / "conf"
    shutil.copytree(CONF_DIR, conf)
    (conf / "model" / "mine.yaml").write_bytes(text)
    for module in (starts, command_line, composing, explaining):
        monkeypatch.setattr(module, "CONF_DIR", conf)
    assert "conf: holds a file that is not YAML" in refused("pipeline.__main__", "model=mine")


def test_a_stage_needs_no_conf_to_name_its_keys(refused, tmp_path, monkeypatch):
    params = compose([])
    for module in (command, explaining):
        monkeypatch.setattr(module, "read_params", lambda: params)
    (tmp_path / "config.yaml").write_text("[")
    for module in (command_line, composing, explaining):
        monkeypatch.setattr(module, "CONF_DIR", tmp_path)
    line = refused("pipeline.stages.evaluate", "train.epoks=1")
    assert "train.epoks: unknown key; did you mean train.epochs?" in line


def test_what_ctrl_c_left_half_done_is_no_error(capsys):
    """OmegaConf, interrupted, may fail with an AttributeError, which becomes an InputError."""
    failed_while_ending = InputError("cannot compose a configuration")
    failed_while_ending.__context__ = KeyboardInterrupt()
    line = command_line.CommandLine((), "config", "")
    with pytest.raises(SystemExit) as ended, explaining.errors_in_one_line(line):
        raise failed_while_ending
    assert ended.value.code == 130
    assert capsys.readouterr().err == "error: interrupted\n"
