"""DVC run by a command: what is shown of it, and how it ends."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from support.projects import wait_for

from pipeline.cli.command import run_stage
from pipeline.cli.project import dvc
from pipeline.config.places import ROOT
from pipeline.system.errors import InputError

# A stage of DVC's that takes as long as somebody needs to interrupt it, and tells how it ended.
STAGE = """
import pathlib, signal, time
signal.signal(signal.SIGTERM, signal.default_int_handler)
pathlib.Path("begun").touch()
try:
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.5)  # a training that keeps what it has
    pathlib.Path("interrupted").touch()
    raise SystemExit(130)
"""
DVC = """
import signal, subprocess, sys
stage = subprocess.Popen([sys.executable, "stage.py"])
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as DVC does while a stage runs
sys.exit(stage.wait())
"""
EXPERIMENT = """
import pathlib, sys
import pipeline.config.places
pipeline.config.places.ROOT = pathlib.Path(sys.argv.pop())
from pipeline.cli.command import run_command
from pipeline.cli.project.dvc import reproduce
run_command(lambda _: reproduce({}), None)
"""


def as_from_a_terminal():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def as_from_a_script():
    """Do as its shell does for what it starts with `&`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_the_experiment_waits_for_its_stage_to_end(how, tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "stage.py").write_text(STAGE)
    (tmp_path / "dvc.py").write_text(DVC)
    process = subprocess.Popen(
        [sys.executable, "-c", EXPERIMENT, tmp_path],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=as_from_a_script if how == signal.SIGTERM else as_from_a_terminal,
    )  # fmt: skip
    try:
        wait_for((tmp_path / "begun").exists, seconds=60)
        if how == signal.SIGINT:
            os.killpg(process.pid, how)  # as a terminal does
        else:
            process.send_signal(how)
        output, errors = process.communicate(timeout=30)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert (output, errors, process.returncode) == ("", "error: interrupted\n", 130)
    assert (tmp_path / "interrupted").exists(), "the stage was not waited for"


def test_what_dvc_says_is_shown_without_its_advice(tmp_path, monkeypatch, capfd):
    said = (
        "Running stage 'train':\n> python -m pipeline.stages.train\n"
        "Updating lock file 'dvc.lock'\n\nTo track the changes with git, run:\n\n"
        "\tgit add dvc.lock\n\nTo enable auto staging, run:\n\n"
        "\tdvc config core.autostage true\n"
        "Use `dvc push` to send your updates to remote storage.\n"
    )
    (tmp_path / "dvc.py").write_text(
        f"import os, sys\nprint({said!r})\nprint('wrong', file=sys.stderr)\n"
        "sys.exit(int(os.environ['CODE']))\n"
    )
    monkeypatch.setattr(dvc, "ROOT", tmp_path)
    assert dvc.reproduce({"CODE": "7"}) == 7
    shown = capfd.readouterr()
    assert shown.out == "Running stage 'train':\n> python -m pipeline.stages.train\n"
    assert shown.err == "wrong\n"


def test_a_path_that_dvc_cannot_work_below_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(dvc, "ROOT", Path("/home/{me}/digits"))
    monkeypatch.setattr(dvc.subprocess, "Popen", pytest.fail)
    with pytest.raises(
        InputError, match=r"^/home/{me}/digits: DVC cannot work below a folder with"
    ):
        dvc.reproduce({})
    monkeypatch.setenv("DVC_STAGE", "prepare")
    with pytest.raises(SystemExit):
        run_stage(pytest.fail, None)


def test_a_path_that_is_not_utf_8_is_refused_at_once(monkeypatch):
    monkeypatch.setattr(dvc, "ROOT", Path("/home/caf\udce9"))
    with pytest.raises(InputError, match=r"^/home/caf\\xe9: DVC cannot work below a name"):
        dvc.expect_usable_path()
