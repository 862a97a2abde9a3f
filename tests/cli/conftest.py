"""Commands that are started as from the command line, within the process of the tests."""

import importlib
import logging

import pytest
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra

from pipeline.cli import command
from pipeline.config.composing import compose


@pytest.fixture
def started(monkeypatch):
    """Start a command with arguments; return what it was handed, and how often Hydra composed."""
    composed = []
    original = Hydra.compose_config

    def counted(*arguments, **options):
        composed.append(options["config_name"])
        return original(*arguments, **options)

    monkeypatch.setattr(Hydra, "compose_config", counted)
    monkeypatch.setattr(logging.root, "handlers", [])

    def start(*arguments, run=None):
        handed = []
        monkeypatch.setattr("sys.argv", ["command", *arguments])
        GlobalHydra.instance().clear()
        composed.clear()
        command.run_command(run or handed.append, "What it does.")
        return handed, len(composed)

    return start


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """Run a command that must end in one line of error; return that line."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(command, "read_params", lambda: compose(["data=mnist_5000"]))
    monkeypatch.setattr(logging.root, "handlers", [])

    def run(module, *arguments):
        monkeypatch.setattr("sys.argv", [module, *arguments])
        GlobalHydra.instance().clear()
        with pytest.raises(SystemExit) as ended:
            importlib.import_module(module).main()
        assert ended.value.code == 1
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return run
