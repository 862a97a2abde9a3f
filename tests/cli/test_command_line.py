"""What was typed reaches Hydra as it was meant."""

import pytest

from pipeline.cli.command_line import quote, quote_all


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
