"""`make setup` knows when the environment must be made anew."""

import shutil
import subprocess

import pytest

from pipeline.config.places import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


@pytest.fixture
def project(tmp_path):
    """Return a project that is set up, with a Python that finds every module."""
    folder = tmp_path / "project"
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    (folder / ".venv" / "pyvenv.cfg").write_text(f"command = python3 -m venv {folder}/.venv\n")
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    (folder / ".venv" / "ready").touch()
    return folder


def planned(folder):
    command = ["make", "-n", "setup"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_an_environment_that_is_ready_stays(project):
    assert "venv" not in planned(project)


def test_after_an_interruption_it_is_made(project):
    (project / ".venv" / "ready").unlink()
    assert "-m venv" in planned(project)


def test_moved_with_the_project_it_is_made_anew(project):
    assert '-z "stale"' in planned(project.rename(project.parent / "it's moved"))


def test_without_its_python_it_is_made_anew(project):
    (project / ".venv" / "bin" / "python").unlink()
    assert '-z "stale"' in planned(project)


def test_without_its_packages_it_is_made_anew(project):
    """As after an upgrade of Python to another minor version."""
    (project / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    assert '-z "stale"' in planned(project)
