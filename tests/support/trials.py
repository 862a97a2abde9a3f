"""Configurations and outcomes of trials, made up without training."""

import copy

from pipeline.experiments.trial import Outcome


def changed(tree, section, **values):
    """Return a copy of a configuration with some values of a section changed."""
    tree = copy.deepcopy(tree)
    tree[section].update(values)
    return tree


def finished(accuracy, **other):
    """Return the outcome of a trial that finished with this validation accuracy."""
    metrics = {"val_accuracy": accuracy, "val_loss": 0.1, "test_accuracy": 0.9, "parameters": 10}
    return Outcome("finished", metrics=metrics, **other)


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
