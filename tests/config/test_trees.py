"""Configurations as nested dicts."""

from pipeline.config.trees import differing_keys, flatten, is_in


def test_differing_keys_are_found_on_either_side():
    one = {"a": {"b": 1, "c": [1]}, "d": 2}
    other = {"a": {"b": 1, "c": [2]}, "e": 3}
    assert differing_keys(one, other) == ["a.c", "d", "e"]


def test_flatten_keeps_lists_and_empty_sections_whole():
    assert flatten({"a": {"b": [1, 2]}, "c": {}}) == {"a.b": [1, 2], "c": {}}


def test_a_key_is_in_a_section_but_not_for_beginning_alike():
    assert [is_in(key, ["train"]) for key in ("train", "train.epochs", "training.epochs")] == [
        True,
        True,
        False,
    ]
