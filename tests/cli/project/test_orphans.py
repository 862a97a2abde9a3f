"""A stage ends when DVC, or the command that runs DVC, is killed."""

import json
import os
import subprocess
import sys

import psutil
import pytest
from support.projects import wait_for

from pipeline.cli.project import leftovers, orphans
from pipeline.system.errors import InputError
from pipeline.system.machine import is_running

# A stage under a `dvc` under a command, which wait for each other as the real ones do.
STAGE_CODE = """
import pathlib, sys, time
from pipeline.cli.project import leftovers, orphans
begun = pathlib.Path(sys.argv[1])
leftovers.RWLOCK = begun.with_name("rwlock")
dvc = orphans.parent_dvc().pid
leftovers.RWLOCK.write_text('{"write": {"models": {"pid": %d, "cmd": ""}}}' % dvc)
with orphans.ended_with_dvc():
    begun.touch()
    time.sleep(60)
"""
DVC_CODE = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[2:]])"
CALLER_CODE = """
import os, subprocess, sys
os.environ["DIGITS_CALLER"] = str(os.getpid())
subprocess.run([sys.executable, "-c", sys.argv[1], "dvc", *sys.argv[2:]])
"""


NO_LOCKS = '{"write": {}, "read": {}}'


@pytest.mark.parametrize("killed", ["caller", "dvc"])
def test_a_stage_ends_when_what_runs_it_is_killed(killed, tmp_path):
    begun = tmp_path / "begun"
    arguments = [sys.executable, "-c", CALLER_CODE, DVC_CODE, STAGE_CODE, str(begun)]
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL) as caller:
        wait_for(begun.exists, seconds=60, every=0.1)
        dvc, stage = psutil.Process(caller.pid).children(recursive=True)
        {"caller": caller, "dvc": dvc}[killed].kill()
        wait_for(lambda: not is_up(stage), seconds=30, every=0.1)
        wait_for(lambda: not is_up(dvc), seconds=30, every=0.1)
    if killed == "dvc":
        assert (tmp_path / "rwlock").read_text() == NO_LOCKS


def is_up(process):
    return is_running(process.pid) and process.is_running()


def test_a_stage_whose_command_was_killed_before_does_not_begin(monkeypatch):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    monkeypatch.setenv(orphans.CALLER, str(ended.pid))
    refused = pytest.raises(InputError, match="the command that runs this stage was killed")
    with refused, orphans.ended_with_dvc():
        pass


def test_a_stage_whose_dvc_was_killed_before_does_not_begin(monkeypatch, tmp_path):
    monkeypatch.setattr(leftovers, "RWLOCK", tmp_path / "rwlock")
    monkeypatch.setattr(orphans, "parent_dvc", lambda: None)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for mode, holder in {"write": {"pid": ended.pid}, "read": [{"pid": ended.pid}]}.items():
        locks = {"write": {}, "read": {}} | {mode: {"models": holder}}
        leftovers.RWLOCK.write_text(json.dumps(locks))
        refused = pytest.raises(InputError, match="the command that runs this stage was killed")
        with refused, orphans.ended_with_dvc():
            pass
        assert leftovers.RWLOCK.read_text() == NO_LOCKS


def test_a_stage_run_by_a_program_that_uses_dvc_as_a_library_begins(monkeypatch, tmp_path):
    monkeypatch.setattr(leftovers, "RWLOCK", tmp_path / "rwlock")
    monkeypatch.setattr(orphans, "parent_dvc", lambda: None)
    monkeypatch.setattr(orphans, "_end_without", lambda *_: None)
    held = json.dumps({"write": {"models": {"pid": os.getppid(), "cmd": ""}}, "read": {}})
    leftovers.RWLOCK.write_text(held)
    with orphans.ended_with_dvc():
        pass
    assert leftovers.RWLOCK.read_text() == held


def test_a_stage_that_ends_before_it_notices_removes_the_locks_as_well(monkeypatch, tmp_path):
    monkeypatch.setattr(leftovers, "RWLOCK", tmp_path / "rwlock")
    monkeypatch.setattr(orphans, "_end_without", lambda *_: None)
    with subprocess.Popen([sys.executable, "-c", "input()", "dvc"], stdin=subprocess.PIPE) as dvc:
        monkeypatch.setattr(orphans, "parent_dvc", lambda: psutil.Process(dvc.pid))
        held = json.dumps({"write": {"models": {"pid": dvc.pid, "cmd": ""}}, "read": {}})
        leftovers.RWLOCK.write_text(held)
        with orphans.ended_with_dvc():
            pass
        assert leftovers.RWLOCK.read_text() == held
        with orphans.ended_with_dvc():
            dvc.kill()
            os.waitid(os.P_PID, dvc.pid, os.WEXITED | os.WNOWAIT)  # and not collected
        assert leftovers.RWLOCK.read_text() == NO_LOCKS
