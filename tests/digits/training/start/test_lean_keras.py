"""Packages are missing for the block alone, and only those that were not imported yet."""

import importlib
import sys

import pytest

from pipeline.digits.training.start import lean_keras


@pytest.fixture(autouse=True)
def two_packages(tmp_path, monkeypatch):
    for name in ("extra_one", "extra_two"):
        (tmp_path / f"{name}.py").write_text("")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(lean_keras, "EXTRAS", ("extra_one", "extra_two"))


def test_extras_are_missing_within_the_block_and_there_again_after_it():
    with lean_keras.without_extras(), pytest.raises(ImportError):
        importlib.import_module("extra_one")
    assert importlib.import_module("extra_one")


def test_what_is_imported_already_stays():
    kept = importlib.import_module("extra_two")
    with lean_keras.without_extras():
        assert importlib.import_module("extra_two") is kept
    assert sys.modules["extra_two"] is kept
