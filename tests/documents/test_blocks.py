"""Every `sh` block of the documents runs, in order, in a copy of a project with a tiny network."""

import copy
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from support import documents
from support.documents import NAMES
from support.projects import Project, free_port

from pipeline.config.places import ROOT

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed"),
]

LONGEST = 900  # seconds for the blocks of a document
# What the examples take for a reader's own.
PICTURES = ("seven.png", "a.png", "b.png", "DIR/seven.png")
# What is replaced in a block, since a reader's command would take minutes. SMALL makes the defaults
# and presets smaller. Other tests do what is left out here: tests/whole/test_end_to_end.py forces
# everything again, tests/experiments/test_cluster.py starts Ray.
SUBSTITUTIONS = (
    (r"dvc repro -f$", "dvc repro -f prepare"),
    (r"hydra/launcher=ray", "hydra/launcher=joblib"),
    (r"race\.seeds=\d+", "race.seeds=2"),
    (r"seed=1,2,[\d,]+", "seed=1,2"),
    (r"search\.trials=\d+", "search.trials=1"),
    (r"search\.timeout=\d+", "search.timeout=60"),
    (r"lines\.rounds=\d+", "lines.rounds=1 lines.batch_size=32"),
    (r"train\.epochs=[\d,]*\d", "train.epochs=1"),
    (r"'model\.hidden_units=\[[^']*'", "'model.hidden_units=[8],[16]'"),
    (r" …", ""),
    (r"(?<=[ =])/(?:tmp|shared)/", "home/"),
)
SERVERS = re.compile(r"^(?:digits|make|python -m pipeline\.)\s*(ui|serve)\b.*$", re.MULTILINE)
SMALL = """# @package _global_
train:
  epochs: 1
  distortion: null
  drawn_share: 0.0
  other_share: 0.0
  jit_compile: false
"""
# Servers go on beside the blocks that follow, to the end of the document.
START = """
set -eo pipefail
trap 'kill $(jobs -p) 2> /dev/null || true; wait' EXIT
answers() {
    for _ in $(seq 900); do
        curl --silent --fail --output /dev/null "$1" && return
        kill -0 $!
        sleep 0.1
    done
    return 1
}
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Return a project whose default is a tiny network, trained, with the environment of make."""
    project = Project(tmp_path_factory.mktemp("documents") / "prepared")
    small(project.folder)
    environment(project)
    for name in PICTURES:
        (project.folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "data/custom/7_small.png", project.folder / name)
    project.run("digits")
    project.commit()
    project.run("git", "clone", "-q", "--bare", ".", "home/origin.git")
    project.run("git", "remote", "add", "origin", "home/origin.git")
    project.run("git", "push", "-q", "-u", "origin", "main")
    return project


def small(folder):
    """Let every experiment train for an epoch on 4,000 digits that come with a package."""
    (folder / "conf" / "small.yaml").write_text(SMALL)
    file = folder / "conf" / "config.yaml"
    text = file.read_text()
    for default, smaller in (
        ("- data: mnist ", "- data: mnist_5000 "),
        ("- experiment: null\n", "- experiment: null\n  - small\n"),
    ):
        assert default in text
        text = text.replace(default, smaller)
    file.write_text(text)


def environment(project):
    """Make .venv, which `make` finds up to date, with this Python and the copy's own `digits`."""
    programs = project.folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, text in (
        ("python", f'#!/bin/sh\nexec {sys.executable} "$@"\n'),
        ("digits", f"#!{sys.executable}\nfrom pipeline.cli.entry import main\nmain()\n"),
    ):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    settle(project)


def settle(project):
    """Adapt the environment to the folder that the project lies in."""
    here = project.folder / ".venv"
    (here / "pyvenv.cfg").write_text(f"command = python3 -m venv {here}\n")
    (here / "ready").touch()
    path = f"{here / 'bin'}:{Path(sys.executable).parent}:{project.env['PATH']}"
    project.env = {**project.env, "PATH": path, "PYTHONPATH": str(project.folder)}


@pytest.mark.long
@pytest.mark.parametrize(
    "name", [name for name in NAMES if any(b.not_run is None for b in documents.shell(name))]
)
def test_every_block_runs(name, prepared, tmp_path):
    project = copy.copy(prepared)
    project.folder = tmp_path / "project"
    shutil.copytree(prepared.folder, project.folder, symlinks=True)
    settle(project)
    code, printed = typed(script(name), project)
    assert code == 0, printed[-3000:]


def typed(text, project):
    """Run a script; return its exit code and what it printed. Nothing that it started is left."""
    with subprocess.Popen(
        ["bash", "-c", text], cwd=project.folder, env=project.env, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as shell:  # fmt: skip
        try:
            printed, _ = shell.communicate(timeout=LONGEST)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
    return shell.returncode, printed


def script(name):
    """Return a document's blocks as a script that says before each where it stands."""
    ports = {"serve": free_port(), "ui": free_port()}

    def started(match):
        port = ports[match[1]]
        command = match[0].partition(" #")[0]
        if command.startswith("make"):
            command = f"python -m pipeline.{match[1]}"
        address = f"http://127.0.0.1:{port}/health"
        return f"{command} port={port} & answers {address}"

    parts = [START]
    for block in documents.shell(name):
        if block.not_run is None:
            text = block.text
            for pattern, smaller in SUBSTITUTIONS:
                text = re.sub(pattern, smaller, text, flags=re.MULTILINE)
            text = text.replace("127.0.0.1:8000", f"127.0.0.1:{ports['serve']}")
            parts += [f"echo '== {name}:{block.line}'", SERVERS.sub(started, text)]
    return "\n".join(parts)


NOT_RUN = [each for name in NAMES for each in documents.shell(name) if each.not_run is not None]


@pytest.mark.parametrize("block", NOT_RUN, ids=lambda each: f"{each.document}:{each.line}")
def test_a_block_that_is_not_run_says_why(block):
    assert len(block.not_run.split()) > 1, "write <!-- not run: REASON --> before it"
