"""Whatever is typed or in params.yaml, a command runs, or says in one line why not."""

import importlib
import io
import logging
from contextlib import nullcontext, redirect_stderr, redirect_stdout

import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra
from hypothesis import given, settings
from hypothesis import strategies as st
from support.anything import DAMAGE, changed_trees, overrides

from pipeline.cli import command
from pipeline.cli.messages import printable
from pipeline.config.composing import compose
from pipeline.config.params import dump, parse
from pipeline.config.places import ROOT
from pipeline.system.errors import in_one_line

RUN_ON_PARAMS = [
    *(f"pipeline.stages.{name}" for name in ("prepare", "train", "evaluate", "predict_custom")),
    *(f"pipeline.{name}" for name in ("register", "report", "ui", "status", "record")),
]
COMPOSE = ["pipeline.__main__", "pipeline.sweep", "pipeline.search", "pipeline.promote"]
TREE = compose(["data=mnist_5000"])
OPTIONS = {"run": None, "runs": None, "last": 1, "port": 1, "search": {"trials": 1}, "race": {}}


FEWER = settings(max_examples=settings.default.max_examples // 3)  # a start takes its time


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


@FEWER
@given(
    st.sampled_from(RUN_ON_PARAMS + COMPOSE),
    st.lists(overrides({**TREE, **OPTIONS}), min_size=1, max_size=3),
)
def test_any_arguments_are_accepted_or_refused_in_one_line_that_names_one(name, arguments):
    line = refusal(name, arguments, dump(TREE))
    if line is not None:
        keys = [printable(in_one_line(each.lstrip("+~-").split("=")[0])) for each in arguments]
        assert any(key[1:20] in line for key in keys), (line, arguments)


@FEWER
@given(st.sampled_from(RUN_ON_PARAMS), changed_trees(TREE))
def test_any_params_yaml_is_accepted_or_refused_in_one_line(name, changed):
    refusal(name, [], yaml.safe_dump(changed[0], allow_unicode=True))


@FEWER
@given(st.integers(0, len(dump(TREE))), st.integers(0, 3), DAMAGE)
def test_a_damaged_params_yaml_is_accepted_or_refused_in_one_line(place, lost, inserted):
    text = dump(TREE)
    damaged = text[:place] + inserted + text[place + lost :]
    refusal("pipeline.stages.prepare", [], damaged)
