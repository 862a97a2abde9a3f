"""The text of `--help`."""

import os
import subprocess
import sys

import pytest

from pipeline.config.places import ROOT


@pytest.mark.parametrize("module", ["pipeline.stages.predict_custom", "pipeline.sweep"])
def test_help_says_what_a_command_does_and_what_can_be_set(module):
    ended = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    about, settings = ended.stdout.split("Settings (KEY=VALUE):")
    assert f"`python -m {module}" in about
    assert ("model: cnn, mlp" in about) == (module == "pipeline.sweep")
    assert "tracking:\n  enabled:" in settings


def test_help_ends_quietly_when_nobody_reads_on():
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline.stages.train", "--help"],
        cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60,
    )  # fmt: skip
    os.close(write)
    assert ended.stderr == ""
