"""Configurations and outcomes of trials, made up without training."""

import copy
from dataclasses import replace

from pipeline.experiments.comparing.results import Result
from pipeline.experiments.trial import Outcome, make_trial


def changed(tree, section, **values):
    """Return a copy of a configuration with some values of a section changed."""
    tree = copy.deepcopy(tree)
    tree[section].update(values)
    return tree


def finished(accuracy, **other):
    """Return the outcome of a trial that finished with this validation accuracy."""
    metrics = {"val_accuracy": accuracy, "val_loss": 0.1, "test_accuracy": 0.9, "parameters": 10}
    return Outcome("finished", metrics=metrics, **other)


def failed(error):
    """Return the outcome of a trial that failed."""
    return Outcome("failed", error=error)


def result(tree, outcome, seed=42, dropped=None, **train):
    """Return the result of a trial with some training settings changed."""
    trial = make_trial({**changed(tree, "train", **train), "seed": seed}, 1)
    return Result(trial, outcome, "run", dropped)


def repeated(tree, accuracies, tests=None, dropped=None, **train):
    """Return the results of one configuration with the seeds from 1 on."""
    return [
        result(tree, _measured(accuracy, test), seed, dropped, **train)
        for seed, (accuracy, test) in enumerate(
            zip(accuracies, tests or accuracies, strict=True), 1
        )
    ]


def on_other_data(results):
    """Return results as of trials that were trained on other data."""
    target = {"_target_": "pipeline.digits.datasets.fashion_mnist.fashion_mnist"}
    return [
        replace(
            each,
            trial=replace(
                each.trial,
                key=f"{each.trial.key} on other data",
                config={**each.trial.config, "data": target},
            ),
        )
        for each in results
    ]


def _measured(accuracy, test_accuracy):
    outcome = finished(accuracy, training_seconds=1.5)
    outcome.metrics["test_accuracy"] = test_accuracy
    return outcome


def search_settings(**changes):
    """Return the settings of a search as `conf/search/` has them, some of them changed."""
    settings = {
        "study": "s",
        "storage": None,
        "trials": 12,
        "timeout": None,
        "objectives": ["val_accuracy"],
        "space": {
            "model.hidden_units": {"low": 4, "high": 8, "depth": [1, 3]},
            "train.learning_rate": {"low": 0.001, "high": 0.1, "log": True},
            "train.schedule": {
                "choices": [{"_target_": "pipeline.digits.training.optimizers.constant"}]
            },
        },
    }
    return settings | changes
