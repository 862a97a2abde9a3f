"""Nothing is removed while something is at work here."""

import subprocess
import sys

import pytest
from support.projects import wait_for

from pipeline.leftovers import others
from pipeline.leftovers.others import expect_nobody
from pipeline.system.errors import InputError


def refused():
    try:
        expect_nobody()
    except InputError:
        return True
    return False


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("/bin/digits", True),
        ("/bin/digits model=cnn", True),
        ("/bin/digits sweep seed=1,2", True),
        ("/bin/digits teach", True),
        ("/bin/digits train", True),
        ("/bin/digits status", False),
        ("/bin/digits ui", False),
        ("-m pipeline.ui /data/digits", False),
    ],
)
def test_digits_is_at_work_with_a_word_that_makes_something(words, expected):
    assert others._is_work(["/bin/python", *words.split()]) == expected


@pytest.mark.parametrize("word", ["pipeline.search", "pipeline.stages.train", "/usr/bin/dvc"])
def test_a_search_a_stage_and_dvc_are_waited_for_here_alone(word, tmp_path, monkeypatch):
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    command = [sys.executable, "-c", "import time; time.sleep(60)", word]
    for folder, expected in ((elsewhere, False), (here, True)):
        folder.mkdir()
        monkeypatch.setenv("DVC_ROOT", str(here))
        with subprocess.Popen(command, cwd=folder) as process:
            try:
                if expected:
                    wait_for(refused, seconds=120, every=0.1)
                else:
                    expect_nobody()
            finally:
                process.kill()


def test_an_editor_of_dvc_yaml_is_no_dvc(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    command = [sys.executable, "-c", "import time; time.sleep(60)", "dvc.yaml"]
    with subprocess.Popen(command, cwd=tmp_path) as process:
        try:
            expect_nobody()
        finally:
            process.kill()
