"""One experiment at a time runs in a checkout."""

import json
import subprocess
import sys

import pytest

from pipeline.cli import workspace
from pipeline.system.errors import InputError


@pytest.fixture
def rwlock(tmp_path, monkeypatch):
    monkeypatch.setattr(workspace, "EXPERIMENT_LOCK", tmp_path / "experiment")
    monkeypatch.setattr(workspace, "DVC_LOCK", tmp_path / "rwlock")
    return workspace.DVC_LOCK


def test_what_dvc_runs_by_itself_counts_as_an_experiment(rwlock):
    code = "import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, "dvc", "repro"]) as dvc:
        writer = {"pid": dvc.pid, "cmd": "dvc repro"}
        rwlock.write_text(json.dumps({"write": {"/a/models": writer}, "read": {}}))
        with (
            pytest.raises(InputError, match=rf"running here \(process {dvc.pid}\)"),
            workspace.lock_params(),
        ):
            pass
        dvc.kill()
    with workspace.lock_params():
        pass


@pytest.mark.parametrize(
    "text", ["null", "[]", '{"write": []}', "{", '{"write": {"/a": {"pid": 1, "cmd": "dvc"}}}']
)
def test_a_left_over_or_odd_file_of_dvc_holds_nobody_up(rwlock, text):
    rwlock.write_text(text)
    with workspace.lock_params():
        pass
