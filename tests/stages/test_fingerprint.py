"""A training counts as done before only with the same settings, data, code and first weights."""

import pytest

from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.stages import fingerprint as module
from pipeline.stages.fingerprint import code_digest, fingerprint, lines_fingerprint


def key(*overrides, data="d" * 64, stages=("train",)):
    return fingerprint(validate(compose(list(overrides))), data, *stages)


@pytest.mark.parametrize(
    "override", ["seed=9", "model.hidden_units=[8]", "train.epochs=3", "train.threads=1"]
)
def test_other_settings_are_another_training(override):
    assert key(override) != key()


@pytest.mark.parametrize("override", ["tracking=none", "predict.chunk_size=3", "lines.rounds=3"])
def test_what_the_network_never_sees_does_not_count(override):
    assert key(override) == key()


def test_other_data_and_other_stages_are_another_training():
    assert len({key(), key(data="e" * 64), key(stages=("train", "evaluate"))}) == 3


def test_a_file_to_start_from_counts_by_its_content(tmp_path):
    file = tmp_path / "start.keras"
    keys = set()
    for content in (b"one", b"two", b"one"):
        file.write_bytes(content)
        keys.add(key(f"train.init_from={file}"))
    assert len(keys) == 2


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Stand in for the project: a stage that names a file, a folder and an output of others."""
    deps = "deps: [code/one.py, code/folder, data/prepared]"
    (tmp_path / "dvc.yaml").write_text(f"stages:\n  train:\n    {deps}\n")
    (tmp_path / ".dvcignore").write_text("__pycache__/\n# Only shows.\n/code/folder/bar.py\n")
    for name in ("one.py", "folder/two.py", "folder/deeper/three.py", "folder/notes.txt"):
        (tmp_path / "code" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "code" / name).write_text("")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    code_digest.cache_clear()
    yield tmp_path / "code"
    code_digest.cache_clear()


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("one.py", True),
        ("folder/two.py", True),
        ("folder/deeper/three.py", True),
        ("folder/notes.txt", False),
        ("folder/bar.py", False),
        ("four.py", False),
    ],
)
def test_all_code_that_dvc_watches_counts_and_no_other(name, counts, project):
    before = code_digest("train")
    (project / name).write_text("changed")
    code_digest.cache_clear()
    assert (code_digest("train") != before) is counts


def lines_key(*overrides):
    return lines_fingerprint(validate(compose(list(overrides))), "d" * 64, "train-lines")


def test_lines_are_told_apart_by_their_own_settings():
    assert lines_key("lines.rounds=3") != lines_key()
    assert lines_key("train.threads=1") != lines_key()
    assert lines_key("train.epochs=3") == lines_key()
