"""The configuration: composed, typed, and told about in one line when it is wrong."""

import copy
import inspect
from pathlib import Path

import pytest
import yaml

from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.config.params import PARAMS_FILE, dump, read_params
from pipeline.config.places import CONF_DIR
from pipeline.config.targets import _locate
from pipeline.config.trees import differing_keys, flatten
from pipeline.system.errors import InputError

CONF_FILES = sorted(CONF_DIR.rglob("*.yaml"))


def changed(tree, key, value):
    tree = copy.deepcopy(tree)
    *sections, last = key.split(".")
    node = tree
    for section in sections:
        node = node[section]
    node[last] = value
    return tree


def test_params_file_is_the_composed_default(default_tree):
    assert read_params() == default_tree


def test_params_file_is_written_as_dump_would(default_tree):
    assert PARAMS_FILE.read_text() == dump(default_tree)


def test_dump_and_read_are_inverse(default_tree, tmp_path):
    tree = changed(default_tree, "train.learning_rate", 1e-5)
    (tmp_path / "params.yaml").write_text(dump(tree))
    assert read_params(tmp_path / "params.yaml") == tree


GROUPS = ("data", "model", "train", "predict", "tracking")


@pytest.mark.parametrize(
    "choice",
    [
        f"{file.parent.relative_to(CONF_DIR).as_posix()}={file.stem}"
        for file in CONF_FILES
        if file.relative_to(CONF_DIR).parts[0] in (*GROUPS, "experiment")
    ],
)
def test_every_choice_composes_and_is_valid(choice):
    validate(compose([choice]))


@pytest.mark.parametrize("preset", [file.stem for file in CONF_DIR.glob("experiment/*.yaml")])
def test_the_choices_of_a_preset_can_be_changed(preset):
    for file in CONF_DIR.glob("train/*/*.yaml"):
        choice = f"train/{file.parent.name}={file.stem}"
        validate(compose([f"experiment={preset}", choice]))


def nodes(tree):
    if isinstance(tree, dict):
        if "_target_" in tree:
            yield tree
        for value in tree.values():
            yield from nodes(value)


# Presets name only what they change.
NODE_FILES = [file for file in CONF_FILES if "experiment" not in file.parts]


@pytest.mark.parametrize("file", NODE_FILES, ids=lambda file: file.stem)
def test_every_node_shows_all_that_can_be_set(file):
    """What is not written down in conf/ cannot be overridden by name."""
    for node in nodes(yaml.safe_load(file.read_text())):
        function = _locate(file.stem, node["_target_"])
        parameters = inspect.signature(function).parameters.values()
        settable = {
            p.name for p in parameters if isinstance(function, type) or p.kind is p.KEYWORD_ONLY
        }
        assert settable == set(node) - {"_target_"}


@pytest.mark.parametrize(
    ("key", "value", "told"),
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
        ("model._target_", "pipeline.digits.networks.rnn", "networks.rnn: there is no such"),
        ("model._target_", 3, "model._target_: must name a function"),
        ("train.distortion.share", 2, "train.distortion.share=2: input should be less than"),
        ("predict.unsure_below", 7, "predict.unsure_below=7: input should be less than"),
        ("nonsense", 1, "nonsense: unknown key; there are data, model"),
        ("seed", None, "seed=None: input should be a valid integer"),
    ],
)
def test_a_wrong_value_is_told_in_one_line(default_tree, key, value, told):
    with pytest.raises(InputError) as caught:
        validate(changed(default_tree, key, value))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(default_tree):
    tree = copy.deepcopy(default_tree)
    del tree["train"]["epochs"]
    with pytest.raises(InputError, match=r"train\.epochs: missing"):
        validate(tree)


def test_all_problems_are_told_at_once(default_tree):
    tree = changed(changed(default_tree, "train.epochs", 0), "seed", -1)
    with pytest.raises(InputError, match=r"seed=-1.*; train\.epochs=0"):
        validate(tree)


@pytest.mark.parametrize("text", [b"", b"- a list", b"a: [unclosed", b"\t", b"# caf\xe9"])
def test_a_broken_params_file_is_told_in_one_line(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_bytes(text)
    with pytest.raises(InputError) as caught:
        read_params(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_params_file_is_told(tmp_path):
    with pytest.raises(InputError, match="python -m pipeline"):
        read_params(tmp_path / "params.yaml")


def test_overrides_reach_the_composed_tree():
    tree = compose(["model.hidden_units=[7,5]", "train.epochs=2", "tracking=none"])
    assert tree["model"]["hidden_units"] == [7, 5]
    assert tree["train"]["epochs"] == 2
    assert tree["tracking"]["enabled"] is False


def test_differing_keys_are_found_on_either_side():
    one = {"a": {"b": 1, "c": [1]}, "d": 2}
    other = {"a": {"b": 1, "c": [2]}, "e": 3}
    assert differing_keys(one, other) == ["a.c", "d", "e"]


def test_flatten_keeps_lists_and_empty_sections_whole():
    assert flatten({"a": {"b": [1, 2]}, "c": {}}) == {"a.b": [1, 2], "c": {}}


def test_home_is_where_dvc_says(monkeypatch):
    from pipeline.config.places import ROOT, home

    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert home() == ROOT
    monkeypatch.setenv("DVC_ROOT", "/somewhere/else")
    assert home() == Path("/somewhere/else")
