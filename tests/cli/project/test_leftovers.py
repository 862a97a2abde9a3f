"""What a killed DVC leaves behind keeps nobody out."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
import zc.lockfile
from dvc.rwlock import rwlock
from dvc_objects.fs import localfs

from pipeline.cli.project import leftovers

SLEEP = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Let DVC work in a folder of the test's own; be impatient."""
    monkeypatch.setattr(leftovers, "RWLOCK", tmp_path / "rwlock")
    monkeypatch.setattr(leftovers, "EXPERIMENTS_RWLOCK", tmp_path / "exps" / "rwlock")
    monkeypatch.setattr(leftovers, "LOCK_FILE", tmp_path / "dvc.lock")
    monkeypatch.setattr(leftovers, "PATIENCE", 0.2)
    return tmp_path


@contextmanager
def process(name):
    """Run a process until the end of the block, called so."""
    with subprocess.Popen([*SLEEP, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        running.stdout.readline()
        yield running


@contextmanager
def dead(name="dvc"):
    """Kill such a process; leave it uncollected until the end of the block."""
    with process(name) as killed:
        killed.kill()
        os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)
        yield killed


def hold(pid, mode="write", path="/project/models"):
    holder = {"pid": pid, "cmd": "dvc repro"}
    held = {path: holder if mode == "write" else [holder]}
    leftovers.RWLOCK.write_text(json.dumps({"write": {}, "read": {}} | {mode: held}))


def dvc_may_write(path="/project/models"):
    """Return whether DVC lets a command write there."""
    from dvc.lock import LockError

    try:
        with rwlock(str(leftovers.RWLOCK.parent), localfs, "dvc repro", [], [path], False):
            return True
    except LockError:
        return False


@pytest.mark.parametrize("mode", ["write", "read"])
def test_a_process_that_has_ended_but_was_not_collected_holds_no_lock(mode):
    with dead() as killed:
        hold(killed.pid, mode)
        assert not dvc_may_write(), "if DVC sees to it by now, leftovers.py is not needed"
        leftovers.clear_leftovers()
        assert dvc_may_write()


def test_another_process_with_the_number_of_a_killed_one_holds_no_lock():
    with process("editor") as other:
        hold(other.pid)
        assert not dvc_may_write()
        leftovers.clear_leftovers()
        assert dvc_may_write()


def test_a_running_dvc_keeps_its_lock_and_one_about_to_end_is_waited_for(monkeypatch):
    with process("dvc") as running:
        hold(running.pid)
        leftovers.clear_leftovers()
        assert not dvc_may_write()
        monkeypatch.setattr(leftovers, "PATIENCE", 30.0)
        monkeypatch.setattr(leftovers.time, "sleep", lambda _: running.kill())
        leftovers.clear_leftovers()
        assert dvc_may_write()


def test_the_list_of_locks_is_read_only_while_nobody_writes_it(monkeypatch):
    with dead() as killed:
        hold(killed.pid)
        guard = zc.lockfile.LockFile(str(leftovers.RWLOCK.with_name("rwlock.lock")))
        with pytest.raises(TimeoutError):
            leftovers.clear_leftovers()
        guard.close()


def test_a_list_of_locks_that_was_cut_off_is_begun_anew():
    leftovers.RWLOCK.write_text('{"write": {"/project/mo')
    leftovers.clear_leftovers()
    assert dvc_may_write()


STAGE = "  {0}:\n    cmd: run\n    deps:\n    - path: {0}.py\n      md5: ab\n"


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        ("", False),
        ("schema: '2.0'\nstages:\n" + STAGE.format("train"), True),
        ("schema: '2.0'\nstages:\n" + STAGE.format("train") + "    outs:\n", False),
        ("schema: '2.0'\nstages:\n" + STAGE.format("train") + "    outs:\n    - pa", False),
        ("schema: '2.0'\nstages:\n" + STAGE.format("train") + "  evaluate:\n", False),
        ("schema: '2.0'\nstages:\n" + STAGE.format("train") + "  evalu", False),
    ],
)
def test_a_lock_file_that_was_cut_off_is_removed(content, whole):
    leftovers.LOCK_FILE.write_text(content)
    leftovers.clear_leftovers()
    assert leftovers.LOCK_FILE.is_file() == whole
