"""The rows of trials and their names."""

from support.trials import failed, finished, result

from pipeline.config.composing import compose
from pipeline.experiments.comparing.axes import varied_keys
from pipeline.experiments.comparing.results import ranked, rows, trial_name


def test_the_best_comes_first_and_the_failed_last(tree):
    results = [
        result(tree, failed("too high"), epochs=9),
        result(tree, finished(0.5)),
        result(tree, finished(0.9), epochs=3),
    ]
    shown = rows(ranked(results))
    assert [row["val_accuracy"] for row in shown] == [0.9, 0.5, None]
    assert [row["epochs"] for row in shown] == [3, 12, 9]
    assert [row["error"] for row in shown] == [None, None, "too high"]


def test_what_varies_gets_a_column_and_is_in_the_name(tree):
    results = [
        result(tree, finished(0.5)),
        result(tree, finished(0.6), learning_rate=0.1, epochs=3),
    ]
    configs = [one.trial.config for one in results]
    assert varied_keys(configs) == ["train.learning_rate"]
    assert rows(results)[1]["learning_rate"] == 0.1
    name = trial_name(results[1].trial, varied_keys(configs))
    assert name == "mlp 16 · 3 epochs · learning_rate 0.1"


def test_a_choice_of_functions_is_told_by_their_names(tree):
    assert tree["train"]["schedule"]["_target_"].endswith(".cosine")
    trial = result(tree, finished(0.5)).trial
    name = trial_name(trial, ["train.schedule", "train.schedule._target_"])
    assert name == "mlp 16 · 12 epochs · schedule cosine · schedule cosine"


def test_networks_of_other_kinds_are_compared_by_what_they_share(tree):
    cnn = compose(["data=mnist_5000", "train.distortion=null", "model=cnn", "model.dropout=0.5"])
    assert varied_keys([tree, cnn]) == ["model.batch_norm", "model.dropout"]


def test_every_metric_of_a_trial_is_in_its_row(tree):
    outcome = finished(0.5)
    outcome.metrics["corrupted_accuracy"] = 0.7
    assert rows([result(tree, outcome)])[0]["corrupted_accuracy"] == 0.7
