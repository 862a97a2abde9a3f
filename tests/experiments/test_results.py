"""How results are put side by side."""

import numpy as np
import pytest
from support.trials import changed, finished

from pipeline.config.composing import compose
from pipeline.experiments.results import (
    Result,
    load_best,
    ranked,
    rows,
    show,
    table,
    trial_name,
    varied_keys,
)
from pipeline.experiments.trial import Outcome, make_trial
from pipeline.plots.sweep import pareto_front
from pipeline.system.errors import InputError


def result(tree, accuracy, **train):
    trial = make_trial(changed(tree, "train", **train), 1)
    outcome = Outcome("failed", error="too high") if accuracy is None else finished(accuracy)
    return Result(trial, outcome, "run")


def test_the_best_comes_first_and_the_failed_last(tree):
    results = [result(tree, None, epochs=9), result(tree, 0.5), result(tree, 0.9, epochs=3)]
    shown = rows(ranked(results))
    assert [row["val_accuracy"] for row in shown] == [0.9, 0.5, None]
    assert [row["epochs"] for row in shown] == [3, 12, 9]
    lines = table(results).splitlines()
    assert lines[0].split()[:3] == ["network", "epochs", "val_accuracy"]
    assert lines[1].startswith("mlp 16")
    assert "90.00 %" in lines[1]
    assert "failed: too high" in lines[3]


def test_what_varies_gets_a_column_and_is_in_the_name(tree):
    results = [result(tree, 0.5), result(tree, 0.6, learning_rate=0.1, epochs=3)]
    configs = [one.trial.config for one in results]
    assert varied_keys(configs) == ["train.learning_rate"]
    assert rows(results)[1]["learning_rate"] == 0.1
    name = trial_name(results[1].trial, varied_keys(configs))
    assert name == "mlp 16 · 3 epochs · learning_rate 0.1"


def test_a_choice_of_functions_is_told_by_their_names(tree):
    assert tree["train"]["schedule"]["_target_"].endswith(".cosine")
    name = trial_name(result(tree, 0.5).trial, ["train.schedule", "train.schedule._target_"])
    assert name == "mlp 16 · 12 epochs · schedule cosine · schedule cosine"


def test_networks_of_other_kinds_are_compared_by_what_they_share(tree):
    cnn = compose(["data=mnist_5000", "train.distortion=null", "model=cnn", "model.dropout=0.5"])
    assert varied_keys([tree, cnn]) == ["model.batch_norm", "model.dropout"]


def test_the_table_and_the_best_are_printed_and_the_best_is_saved(tree, capsys):
    results = [result(tree, 0.5), result(tree, 0.9, learning_rate=0.1)]
    show(results)
    printed = capsys.readouterr().out.strip()
    assert printed.startswith(table(results))
    name = "mlp 16 · 12 epochs · learning_rate 0.1"
    assert f"best by validation: {name} (" in printed.splitlines()[-1]
    assert load_best()["config"] == results[1].trial.config


def test_the_table_tells_of_a_failure_in_whole_words(tree):
    error = "ValueError: " + "the batch is too large for this network " * 3
    failed = Result(result(tree, 0.5).trial, Outcome("failed", error=error), "r")
    assert table([failed]).endswith("network the batch is too large for …")


def test_a_damaged_file_of_the_best_is_told_in_one_line(tmp_path):
    (tmp_path / ".sweeps").mkdir()
    for damaged in ("junk{", "{}", "3"):
        (tmp_path / ".sweeps" / "best.json").write_text(damaged)
        with pytest.raises(InputError, match=r"best\.json: damaged; run the sweep again"):
            load_best()


def test_the_pareto_front_holds_what_nothing_cheaper_is_as_good_as():
    costs = np.array([1, 2, 2, 3, 4, 5])
    shares = np.array([10, 30, 20, 30, 40, 35])
    assert pareto_front(costs, shares) == [0, 1, 4]
