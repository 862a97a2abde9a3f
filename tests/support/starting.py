"""Start a command in this process, up to where it would run."""

import importlib
import io
import logging
from contextlib import nullcontext, redirect_stderr, redirect_stdout

import pytest
from hydra.core.global_hydra import GlobalHydra

from pipeline.cli import command
from pipeline.config.params import parse
from pipeline.config.places import ROOT


class Accepted(BaseException):
    """The command would run now."""


def refusal(name, arguments, text):
    """Start a command on a params.yaml; return its line of error, or None if it would run."""

    def accept(*_):
        raise Accepted

    printed = io.StringIO()
    module = importlib.import_module(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr(module, "run", accept)
        patch.setattr(command, "read_params", lambda: parse(text))
        patch.setattr(command, "_alone", nullcontext)
        patch.setattr(command, "report_drift_of_stage", lambda _: None)
        patch.setattr(logging.root, "handlers", [])
        patch.setattr("sys.argv", [name, *arguments])
        GlobalHydra.instance().clear()
        code = None
        try:
            with redirect_stderr(printed), redirect_stdout(io.StringIO()):
                module.main()
        except Accepted:
            return None
        except SystemExit as ended:
            code = ended.code
    if not code:  # such as after --help
        return None
    assert code == 1
    (line,) = printed.getvalue().splitlines()
    assert line.startswith("error: ")
    assert line.isprintable()
    return line
