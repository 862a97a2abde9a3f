"""How an experiment differs from others, in words."""

import json
import subprocess

import pytest

from pipeline.experiments.comparing import difference as module
from pipeline.experiments.comparing.difference import (
    committed_snapshot,
    compare_answers,
    compare_experiment,
)
from pipeline.experiments.comparing.snapshot import Answers, History, Snapshot, settings_of


def answers(wrong, pictures=1_000):
    right = {f"{n} 7": n >= wrong for n in range(pictures)}
    return Answers(1 - wrong / pictures, pictures, right)


def counts_only(given):
    return Answers(given.accuracy, given.pictures)


def test_many_more_mistakes_on_the_same_pictures_are_more_than_chance():
    told = compare_answers(answers(84, 10_000), answers(321, 10_000))
    assert told == "99.16 → 96.79 %, worse by more than chance (McNemar's mid-p, p < 0.001)"


def test_one_more_mistake_on_few_pictures_may_be_chance_and_is_told_in_pictures():
    told = compare_answers(answers(0, 26), answers(1, 26))
    assert told == "26 → 25 of 26, which may be chance (McNemar's mid-p, p = 0.50)"


def test_without_the_answers_counts_are_compared():
    old, new = counts_only(answers(84, 10_000)), answers(60, 10_000)
    assert compare_answers(old, new) == (
        "99.16 → 99.40 %, which may be chance (Fisher's exact test, p = 0.05)"
    )
    assert "better by more than chance" in compare_answers(old, answers(40, 10_000))


def test_other_pictures_are_not_compared():
    assert "not to be compared" in compare_answers(answers(3, 100), answers(3, 101))
    assert "not to be compared" in compare_answers(counts_only(answers(3, 100)), answers(3, 101))


def test_the_same_figure_is_the_same_result_where_the_answers_are_not_at_hand(world):
    world(counts_only(answers(84, 10_000)))
    assert world(answers(84, 10_000))[0].endswith("the same settings and results")


@pytest.mark.parametrize(("section", "change"), [("data", {"path": "/x"}), ("seed", None)])
def test_counts_of_another_test_set_are_not_compared(world, default_tree, section, change):
    world(counts_only(answers(84, 10_000)))
    changed = default_tree[section] | change if change else 7
    first = world(counts_only(answers(321, 10_000)), **{section: changed})[0]
    assert ("not to be compared" in first) == (section == "data")


@pytest.fixture
def world(default_tree, tmp_path, monkeypatch):
    """Return a history and how to run an experiment of made-up answers."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(module, "committed", lambda path: None)

    def run(test, **changes):
        params = {**default_tree, **changes}
        now = Snapshot(settings_of(params), test, None)
        monkeypatch.setattr(module, "take_snapshot", lambda _: now)
        return compare_experiment(params)

    return run


def test_an_experiment_is_compared_with_the_one_before(world, default_tree):
    assert world(answers(84, 10_000)) == []
    train = {**default_tree["train"], "epochs": 5}
    first, second = world(answers(321, 10_000), train=train)
    start, _, result = first.partition(" test ")
    assert start.strip() == "from before"
    assert result == "99.16 → 96.79 %, worse by more than chance (McNemar's mid-p, p < 0.001)"
    assert second.strip() == "changed: epochs 12 → 5"
    assert world(answers(321, 10_000), train=train) == [first, second], "however often one looks"


def test_the_committed_one_is_known_by_its_figures_or_by_what_was_made_here(
    world, default_tree, monkeypatch
):
    committed = {"params.yaml": default_tree, "evaluate.json": {"test_accuracy": 0.9916}}
    monkeypatch.setattr(module, "committed", lambda path: committed.get(path.name))
    settings = settings_of(default_tree)
    history = History.here()
    assert committed_snapshot(history) == Snapshot(settings, Answers(0.9916), None)
    own = Snapshot(settings, answers(84, 10_000), None)
    history.keep(own)
    assert committed_snapshot(history) == own
    committed["evaluate.json"] = {"test_accuracy": 0.99}
    assert committed_snapshot(history).test == Answers(0.99), "other figures than those made here"
    assert "committed" in json.dumps(world(answers(321, 10_000), seed=7))
    committed["evaluate.json"] = {"test_accuracy": 0.9916}
    assert world(answers(84, 10_000))[-1].endswith("the same settings and results")


def test_what_is_committed_is_read_from_git(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "ROOT", tmp_path)
    file = tmp_path / "params.yaml"
    assert module.committed(file) is None
    assert module.committed(tmp_path.parent / "elsewhere.yaml") is None
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.invalid"]
    file.write_text("seed: 7\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "state"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    file.write_text("seed: 8\n")
    assert module.committed(file)["seed"] == 7


def test_a_history_that_cannot_be_kept_costs_no_answer(world, tmp_path):
    world(answers(84, 10_000))
    order = tmp_path / ".history" / "order.json"
    kept = order.read_text()
    order.unlink()
    order.mkdir()
    assert world(answers(90, 10_000)) == []
    order.rmdir()
    order.write_text(kept)
    assert "99.16 → 99.10" in world(answers(90, 10_000))[0]
