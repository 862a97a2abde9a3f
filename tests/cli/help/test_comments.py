"""What is read from the comments in conf/."""

import pytest

from pipeline.cli.help import comments


@pytest.fixture
def conf(monkeypatch, tmp_path):
    """Stand in for conf/; return its folder."""
    monkeypatch.setattr(comments, "CONF_DIR", tmp_path)

    def write(name, text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    return write


def test_a_comment_belongs_to_the_key_below_it(conf):
    conf(
        "part/one.yaml", "# About it.\n\n# Of a,\n# two lines.\na: 1\nb:\n  # Of c.\n  c: 2\nd: 3\n"
    )
    assert comments.sentences([]) == {"part.a": "Of a, two lines.", "part.b.c": "Of c."}
    assert comments.headline("part", "one") == "About it."


def test_a_package_says_where_keys_go(conf):
    conf("x/one.yaml", "# @package _global_\n# About it.\ny:\n  # Of z.\n  z: 1\n")
    conf("x/two.yaml", "# @package train\n# Of d.\nd: null\n")
    assert comments.sentences([]) == {"y": "About it.", "y.z": "Of z.", "train.d": "Of d."}
    assert comments.headline("x", "one") == "About it."


def test_the_file_of_the_chosen_function_comes_first(conf):
    conf("data/a.yaml", "_target_: one\n# Of one.\npath: 1\n")
    conf("data/b.yaml", "_target_: two\n# Of two.\npath: 1\n")
    assert comments.sentences(["two"]) == {"data.path": "Of two."}
    assert comments.sentences(["one"]) == {"data.path": "Of one."}


def test_a_headline_does_not_repeat_how_it_is_typed(conf):
    conf("x/one.yaml", "# `digits sweep x=one`: side by side.\na: 1\n")
    conf("x/two.yaml", "a: 1\n")
    assert comments.headline("x", "one") == "side by side."
    assert comments.headline("x", "two") == ""
