"""Taking over the configuration of a run."""

import logging

import pytest
from omegaconf import OmegaConf

from pipeline import promote
from pipeline.config.composing import compose
from pipeline.config.params import PARAMS_FILE, dump, read_params, write_params
from pipeline.experiments.comparing.expectation import compare_with_expected
from pipeline.system.errors import InputError
from pipeline.system.files import write_json

CHOICES = ["data=mnist_5000", "model=cnn", "train.epochs=3"]


def as_of_yesterday(text):
    """Undo the moves that `pipeline.config.moved` knows."""
    return text.replace("digits.training.", "digits.").replace(
        "datasets.mnist.mnist", "datasets.mnist"
    )


@pytest.fixture
def params(monkeypatch, tmp_path):
    """Return the params.yaml that is written."""
    path = tmp_path / "params.yaml"
    monkeypatch.setattr(promote, "write_params", lambda tree: write_params(tree, path))
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return path


def ask(run, simplest=False):
    promote.run({"run": run, "simplest": simplest, "tracking": compose([])["tracking"]})


def test_the_best_trial_of_a_sweep_made_before_functions_moved_is_taken_over(
    params, tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    config = OmegaConf.to_container(OmegaConf.create(as_of_yesterday(dump(compose(CHOICES)))))
    assert config["model"]["_target_"] == "pipeline.digits.networks.cnn"
    best = {"name": "cnn", "run_id": None, "val_accuracy": 0.5, "config": config}
    write_json(tmp_path / ".sweeps" / "best.json", best)
    for expected in ("rewritten", "is already up to date"):
        ask("best")
        assert read_params(params) == compose(CHOICES)
        assert f"params.yaml {expected}" in caplog.messages[-1]


def kept(name, parameters, *choices):
    """Return what a sweep keeps of a configuration."""
    return {
        "name": name, "run_id": None, "val_accuracy": 0.9, "seeds": 5, "parameters": parameters,
        "expected_test_accuracy": [0.8912, 0.9134], "config": compose([*CHOICES, *choices]),
    }  # fmt: skip


def test_the_simplest_of_those_that_tie_is_taken_if_asked(params, tmp_path):
    ties = [kept("small", 10, "train.epochs=2"), kept("middle", 50, "train.epochs=4")]
    write_json(tmp_path / ".sweeps" / "best.json", kept("large", 90) | {"ties": ties})
    for simplest, epochs in ((False, 3), (True, 2)):
        ask("best", simplest)
        assert read_params(params)["train"]["epochs"] == epochs
    with pytest.raises(InputError, match="simplest=true: chooses among the ties of run=best"):
        ask("1f", simplest=True)


def test_of_a_sweep_over_several_data_sets_none_is_the_best(params, tmp_path):
    harder = kept("mlp on fashion", 10) | {"run_id": "1f"}
    write_json(tmp_path / ".sweeps" / "best.json", kept("mlp", 90) | {"elsewhere": [harder]})
    with pytest.raises(InputError, match=r"spanned 2 data sets.*recorded \(mlp\), 1f \(mlp on fa"):
        ask("best")
    assert not params.exists()


def test_the_range_is_told_in_which_the_test_accuracy_is_expected(params, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    write_json(tmp_path / ".sweeps" / "best.json", kept("best", 10) | {"ties": []})
    ask("best")
    assert "(mean of 5 seeds)" in caplog.text
    assert "expected test accuracy: 89.12 % to 91.34 %" in caplog.text
    written = read_params(params)
    for accuracy, words in ((0.9, "within"), (0.88, "below"), (0.92, "above")):
        told = compare_with_expected({**written, "seed": 7}, accuracy)
        assert told.startswith(f"{words} the expected 89.12 % to 91.34 %")
    assert compare_with_expected(compose(["train.epochs=1"]), 0.9) is None


def test_one_seed_tells_no_range(params, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    single = kept("best", 10) | {"seeds": 1, "expected_test_accuracy": None}
    write_json(tmp_path / ".sweeps" / "best.json", single)
    ask("best")
    assert "no range can be told" in caplog.text
    assert compare_with_expected(read_params(params), 0.9) is None


def test_a_recorded_run_made_before_functions_moved_is_taken_over(params, monkeypatch):
    text = as_of_yesterday(dump(compose(CHOICES)))
    monkeypatch.setattr(promote, "recorded_config", lambda *_: text)
    ask("1f")
    assert params.read_text() == dump(compose(CHOICES))


@pytest.mark.parametrize("text", ["- a list", "a: [unclosed"])
def test_a_recorded_configuration_that_is_unreadable_is_reported(params, monkeypatch, text):
    monkeypatch.setattr(promote, "recorded_config", lambda *_: text)
    with pytest.raises(InputError, match="run=1f: its configuration"):
        ask("1f")
    assert not params.exists()


@pytest.mark.parametrize(
    ("run", "expected"),
    [(None, "no run given"), (12, "read as a number"), ("best", "no sweep has finished")],
)
def test_a_run_that_does_not_exist_is_reported(params, run, expected):
    before = PARAMS_FILE.read_bytes()
    with pytest.raises(InputError, match=expected):
        ask(run)
    assert PARAMS_FILE.read_bytes() == before
