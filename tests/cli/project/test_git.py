"""DVC works in an unpacked ZIP, and with Git as soon as there is a repository."""

import subprocess
import sys

import pytest

from pipeline.cli.project import git


@pytest.fixture
def unpacked(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    (folder / "dvc.yaml").write_text("stages: {}\n")
    monkeypatch.setattr(git, "ROOT", folder)
    monkeypatch.setattr(git, "LOCAL_CONFIG", folder / ".dvc" / "config.local")
    return folder


def dvc_works(folder):
    command = [sys.executable, "-m", "dvc", "repro"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def test_dvc_is_told_whether_there_is_a_repository(unpacked):
    assert not dvc_works(unpacked)
    git.follow_git()
    assert dvc_works(unpacked)
    (unpacked / ".git").mkdir()
    git.follow_git()
    assert "no_scm" not in git.LOCAL_CONFIG.read_text()


def test_dvc_is_not_asked_where_nothing_has_changed(unpacked, monkeypatch):
    monkeypatch.setattr(git.subprocess, "run", pytest.fail)
    (unpacked / ".git").touch()  # a file in a worktree
    git.follow_git()
    (unpacked / ".git").unlink()
    git.LOCAL_CONFIG.write_text("[core]\n    no_scm = true\n")
    git.follow_git()
