"""What was typed reaches Hydra as it was meant."""

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from pipeline.cli.command_line import quote, quote_all, sweep_arguments


@pytest.mark.parametrize(
    "typed", ["tracking.experiment=chioce(a,b)", "~train=b(", "train.epochs", "--help"]
)
def test_what_may_be_meant_otherwise_gets_no_quotes(typed):
    assert quote(typed, sweeps=False) == typed


def test_a_grid_of_values_with_equals_signs_is_no_single_value():
    typed = ("--multirun", "predict.images=/runs/a=1,/runs/b=2")
    assert quote_all(typed) == typed


@pytest.mark.parametrize("name", ["a(b)", "it's ü", 'a "b"', "a=b", "[x", "~x;y!", "日本 #&"])
def test_paths_need_no_quotes_of_hydras(started, name):
    ((tree,), _) = started(f"predict.images=/pictures/{name}")
    assert tree["predict"]["images"] == f"/pictures/{name}"


@pytest.mark.parametrize("name", ["a,b", "it's", "a=b", "a[1]", "a$b {c}", "数字"])
def test_a_sweep_is_recorded_below_any_folder(name):
    folder = Path("/home") / name
    (_, argument, *_) = sweep_arguments([], folder)
    override = OverridesParser.create().parse_override(argument)
    assert not override.is_sweep_override()
    assert override.value() == str(folder)
