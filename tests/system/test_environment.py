"""Libraries find what they need, whatever environment a command is started from."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.networks import write_reader

from pipeline.config.places import ROOT
from pipeline.system.environment import NO_TELEMETRY


def run(code, *, closed="", **environment):
    """Run code in a new process; return what it calls `found`."""
    code = f"import json, os, sys\n{code}\njson.dump(found, open(os.environ['FOUND'], 'w'))"
    command = f'"{sys.executable}" -c "$CODE" {closed}'
    env = os.environ | {"CODE": code, "PYTHONPATH": str(ROOT)} | environment
    subprocess.run(command, shell=True, env=env, check=True, capture_output=not closed)
    return json.loads(Path(environment["FOUND"]).read_text())


SETTLE = "from pipeline.system.environment import settle_environment\nsettle_environment()\n"


@pytest.fixture
def place(tmp_path):
    return {"FOUND": str(tmp_path / "found.json")}


def test_a_notebooks_backend_for_plots_is_not_asked_for(place):
    code = f"{SETTLE}import matplotlib\nfound = matplotlib.get_backend()"
    assert run(code, MPLBACKEND="module://not_installed.backend", **place) == "agg"


def test_warnings_turned_into_errors_are_let_pass_here_and_in_child_processes(place):
    code = (
        f"{SETTLE}import multiprocessing.util, warnings\nwarnings.warn('a library is old')\n"
        "passed_on = multiprocessing.util._args_from_interpreter_flags()\n"
        "found = [*[each for each in passed_on if '-W' in each], os.getenv('PYTHONWARNINGS')]"
    )
    assert run(code, PYTHONWARNINGS="error", **place) == [None]


def test_other_settings_of_warnings_stay(place):
    code = f"{SETTLE}found = [sys.warnoptions, os.environ['PYTHONWARNINGS']]"
    assert run(code, PYTHONWARNINGS="always", **place) == [["always"], "always"]


def test_closed_streams_take_words_and_are_not_taken_for_files_by_children(place):
    code = (
        f"{SETTLE}import subprocess\nprint('lost')\nprint('lost', file=sys.stderr)\n"
        "child = 'import sys; sys.exit([sys.stdin, sys.stdout, sys.stderr].count(None))'\n"
        "found = [sys.stdin.read(), subprocess.run([sys.executable, '-c', child]).returncode]"
    )
    assert run(code, closed="<&- >&- 2>&-", **place) == ["", 0]


def test_no_library_is_told_to_report_anything(place):
    unset = dict.fromkeys(NO_TELEMETRY, "")
    code = f"{SETTLE}from pipeline.system.environment import NO_TELEMETRY\n"
    code += "found = all(os.environ[name] == value for name, value in NO_TELEMETRY.items())"
    assert run(code, **unset, **place)


def test_onnx_runtime_makes_no_identity_of_this_machine(place, tmp_path):
    """With its telemetry on, it keeps one in the user's home."""
    network = write_reader(tmp_path / "model.onnx", 0)
    (tmp_path / "home").mkdir()
    code = (
        "from pathlib import Path\nfrom pipeline.digits.inference.classifier import Classifier\n"
        f"Classifier.load(Path({str(network)!r}))\nfound = os.listdir(os.environ['HOME'])"
    )
    off = dict.fromkeys(("CI", "ORT_DISABLE_TELEMETRY"), "")
    assert run(code, HOME=str(tmp_path / "home"), **off, **place) == []
