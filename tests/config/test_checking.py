"""A wrong configuration is reported in one line."""

import copy

import pytest

from pipeline.config.checking import validate
from pipeline.system.errors import InputError


def changed(tree, key, value):
    tree = copy.deepcopy(tree)
    *sections, last = key.split(".")
    node = tree
    for section in sections:
        node = node[section]
    node[last] = value
    return tree


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("train.epochs", 0, "train.epochs=0: input should be greater than or equal to 1"),
        ("train.epochs", "many", "train.epochs='many': input should be a valid integer"),
        ("train.epochs", True, "train.epochs=True: input should be a valid integer"),
        ("train.learning_rate", -1, "train.learning_rate=-1: input should be greater than 0"),
        ("train.jit_compile", "yes", "train.jit_compile='yes': input should be 'auto' or "),
        ("train.epoks", 3, "train.epoks: unknown key; did you mean epochs?"),
        ("model.hidden_units", [], "model.hidden_units=[]: list should have at least 1 item"),
        ("model.hidden_units", [8, "x"], "model.hidden_units.1='x': input should be a valid"),
        ("model.dropout", 1.5, "model.dropout=1.5: input should be less than 1"),
        ("model.hiden_units", [1], "model.hiden_units: unknown key; did you mean hidden_units?"),
        ("model._target_", "pipeline.digits.training.networks.rnn", "rnn: no such function"),
        (
            "model._target_",
            "pipeline.digits.networks.mlp",
            "networks.mlp: has moved; write pipeline.digits.training.networks.mlp",
        ),
        ("model._target_", 3, "model._target_: must name a function"),
        ("data._target_", "os.system", "data._target_=os.system: must name a function in pipeline"),
        ("model._args_", [1], "model._args_: unknown key"),
        ("train.optimizer._target_", "pipeline.system.files.write_text", "must name a function in"),
        (
            "model._target_",
            "pipeline.digits.training.networks.Field",
            "networks.Field: is not a function of pipeline.digits.training.networks",
        ),
        (
            "train.optimizer._target_",
            "pipeline.digits.training.optimizers.cosine",
            "cosine: gives a LearningRateSchedule, not a Optimizer",
        ),
        ("tracking.experiment", "${oc.env:HOME}", "holds an interpolation; write the value itself"),
        ("predict.images", "a\0b", "predict.images='a\\x00b': holds a zero byte"),
        ("prepare.validation_size", 10**400, "prepare.validation_size=10000"),
        ("train.distortion.share", 2, "train.distortion.share=2: input should be less than"),
        ("predict.unsure_below", 7, "predict.unsure_below=7: input should be less than"),
        ("nonsense", 1, "nonsense: unknown key; known here: data, lines"),
        ("seed", None, "seed=None: input should be a valid integer"),
    ],
)
def test_a_wrong_value_is_reported_in_one_line(default_tree, key, value, expected):
    with pytest.raises(InputError) as caught:
        validate(changed(default_tree, key, value))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(default_tree):
    tree = copy.deepcopy(default_tree)
    del tree["train"]["epochs"]
    with pytest.raises(InputError, match=r"train\.epochs: missing"):
        validate(tree)


def test_all_problems_are_reported_at_once(default_tree):
    tree = changed(changed(default_tree, "train.epochs", 0), "seed", -1)
    with pytest.raises(InputError, match=r"seed=-1.*; train\.epochs=0"):
        validate(tree)
