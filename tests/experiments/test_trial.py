"""What is the same trial, and what is kept of it, without TensorFlow."""

import copy

import pytest
from support.trials import changed, finished

from pipeline.experiments import trial as module
from pipeline.experiments.trial import Outcome, load_outcome, make_trial, save_outcome
from pipeline.stages import fingerprint
from pipeline.stages.prepare import identify, split_dataset
from pipeline.stages.prepared import DatasetInfo
from pipeline.system.errors import InputError


@pytest.mark.parametrize(
    "other",
    [
        lambda tree: changed(tree, "train", epochs=3),
        lambda tree: changed(tree, "model", hidden_units=[17]),
        lambda tree: {**tree, "seed": 7},
        lambda tree: changed(tree, "prepare", validation_size=100),
        lambda tree: changed(tree, "train", threads=2),
    ],
)
def test_what_changes_the_outcome_makes_another_trial(tree, other):
    assert make_trial(tree, 1).key != make_trial(other(tree), 1).key


def test_what_leaves_the_outcome_alone_makes_the_same_trial(tree):
    quiet = changed(tree, "tracking", enabled=False)
    assert make_trial(tree, 1).key == make_trial(changed(quiet, "predict", chunk_size=3), 1).key


def test_other_code_makes_another_trial(tree, monkeypatch):
    before = make_trial(tree, 1).key
    monkeypatch.setattr(fingerprint, "code_digest", lambda *_: "another")
    assert make_trial(tree, 1).key != before


def test_other_weights_to_start_from_make_another_trial(tree, tmp_path):
    weights = tmp_path / "model.keras"
    begun = changed(tree, "train", init_from=str(weights))
    keys = set()
    for content in (b"a", b"b"):
        weights.write_bytes(content)
        keys.add(make_trial(begun, 1).key)
    assert len(keys) == 2


def test_the_number_of_threads_is_written_down(tree):
    assert make_trial(tree, 2).config["train"]["threads"] == 2
    assert make_trial(changed(tree, "train", threads=3), 2).config["train"]["threads"] == 3


def test_the_data_is_what_prepare_would_leave(tree):
    data = module.call_target(tree["data"])
    splits = split_dataset(data, tree["prepare"]["validation_size"], tree["seed"])
    assert DatasetInfo.load(make_trial(tree, 1).data) == identify(data, splits)


def test_the_data_is_prepared_once_for_equal_settings(tree, monkeypatch):
    loaded = []
    load = module.call_target
    monkeypatch.setattr(module, "call_target", lambda node: loaded.append(node) or load(node))
    module._prepare.cache_clear()
    module._load_dataset.cache_clear()
    folders = {make_trial(copy.deepcopy(tree), 1).data for _ in range(2)}
    folders.add(make_trial({**tree, "seed": 7}, 1).data)  # split anew, but not loaded
    assert len(folders) == 2
    assert loaded == [tree["data"]]


def test_data_nodes_are_compared_by_value():
    def key(**arguments):
        return module._DataNode.of({"_target_": "f", **arguments})

    assert key(a=[1, {"b": 2}], c=3) == key(c=3, a=[1, {"b": 2}])
    assert hash(key(a=[1, {"b": 2}])) == hash(key(a=[1, {"b": 2}]))
    assert key(a=[1, {"b": 2}]) != key(a=[1, {"b": 3}])


def test_an_outcome_is_kept_and_a_broken_file_is_none():
    kept = finished(0.5, history=[{"epoch": 1, "loss": 2.0}])
    save_outcome("a", kept)
    assert load_outcome("a") == kept
    assert load_outcome("b") is None
    module._outcome_file("a").write_text('{"status": "fini')
    assert load_outcome("a") is None


def test_only_outcomes_of_trials_that_finished_are_kept():
    for status in ("stopped", "failed", "finished"):
        save_outcome(status, Outcome(status))
    assert load_outcome("stopped") is load_outcome("failed") is None
    assert load_outcome("finished") == Outcome("finished")


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (finished(0.98765, seconds=1.26), "validation accuracy 98.77 %, 1.3 s"),
        (Outcome("stopped", history=[{}, {}]), "stopped early, after 2 epochs"),
        (Outcome("failed", error="out of memory"), "failed, out of memory"),
    ],
)
def test_an_outcome_is_described_on_a_line(outcome, words):
    assert outcome.in_words() == words


def test_data_that_would_make_results_wrong_is_refused(monkeypatch):
    module._load_dataset.cache_clear()
    monkeypatch.setattr(module, "call_target", lambda _: "no data set")
    with pytest.raises(InputError, match="gives a str; it must give a Dataset"):
        module._load_dataset(module._DataNode.of({"_target_": "f"}))
