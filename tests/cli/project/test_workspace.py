"""One experiment or stage at a time runs in a checkout."""

import subprocess
import sys
from contextlib import suppress

import pytest
import zc.lockfile
from hydra.core.global_hydra import GlobalHydra

from pipeline.cli import command, starts
from pipeline.cli.project import workspace
from pipeline.config.composing import compose
from pipeline.system.errors import InputError


@pytest.fixture(autouse=True)
def locks(tmp_path, monkeypatch):
    """Lock a folder of the test's own, impatiently."""
    monkeypatch.setattr(workspace, "EXPERIMENT_LOCK", tmp_path / "experiment")
    monkeypatch.setattr(workspace, "DVC_LOCK", tmp_path / "tmp" / "lock")
    monkeypatch.setattr(workspace, "PATIENCE", 0.0)
    monkeypatch.setattr(workspace, "PATIENCE_OF_STAGES", 0.0)
    monkeypatch.setattr(workspace, "_held", [])
    return tmp_path


def locked_by_dvc():
    """Lock as DVC does."""
    workspace.DVC_LOCK.parent.mkdir(exist_ok=True)
    return zc.lockfile.LockFile(str(workspace.DVC_LOCK))


def test_while_dvc_is_at_work_nobody_else_is():
    lock = locked_by_dvc()
    with pytest.raises(InputError, match="an experiment is running here"), workspace.lock_dvc():
        pass
    with pytest.raises(InputError, match="an experiment is running here"):
        workspace.hold_dvc_until_exit()
    lock.close()
    with workspace.lock_dvc(), pytest.raises(zc.lockfile.LockError):
        locked_by_dvc()
    locked_by_dvc().close()


def test_a_stage_of_dvc_keeps_dvc_out_until_its_process_ends():
    code = (
        "import pathlib, sys\n"
        "from pipeline.cli.project import workspace\n"
        "workspace.DVC_LOCK = pathlib.Path(sys.argv[1])\n"
        "workspace.hold_dvc_until_exit()\n"
        "print('held', flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, workspace.DVC_LOCK],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as stage:  # fmt: skip
        assert stage.stdout.readline() == "held\n"
        with pytest.raises(zc.lockfile.LockError):
            locked_by_dvc()
        stage.kill()
    locked_by_dvc().close()


@pytest.fixture
def stage(monkeypatch, capsys):
    """Run an idle stage by hand; return whether it ran and what it printed as an error."""
    monkeypatch.delenv("DVC_STAGE", raising=False)
    monkeypatch.setattr(command, "read_params", lambda: compose([]))
    monkeypatch.setattr(starts, "configure_log", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["stage"])

    def run(**options):
        GlobalHydra.instance().clear()
        ran = []
        with suppress(SystemExit):
            command.run_stage(ran.append, None, **options)
        return bool(ran), capsys.readouterr().err

    return run


def test_a_stage_run_by_hand_waits_for_the_end_of_an_experiment(stage):
    with workspace.lock_workspace():
        ran, (error,) = stage()[0], stage()[1].splitlines()
        assert not ran
        assert "an experiment is running here" in error
    lock = locked_by_dvc()
    assert not stage()[0]
    lock.close()
    assert stage() == (True, "")


def test_a_stage_run_by_hand_that_writes_elsewhere_runs_beside_an_experiment(stage):
    with workspace.lock_workspace():
        assert stage(writes_here=lambda _: False) == (True, "")


def test_a_stage_run_by_hand_keeps_dvc_and_other_stages_out(monkeypatch):
    def run(_):
        for lock in (workspace.lock_workspace(), workspace.lock_dvc()):
            with pytest.raises(InputError), lock:
                pass

    monkeypatch.delenv("DVC_STAGE", raising=False)
    monkeypatch.setattr(command, "read_params", lambda: compose([]))
    monkeypatch.setattr(starts, "configure_log", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["stage"])
    GlobalHydra.instance().clear()
    command.run_stage(run, None)
