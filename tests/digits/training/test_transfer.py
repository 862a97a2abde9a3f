"""A training starts from the weights of an earlier network of the same layers, and of no other."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.digits.training import networks
from pipeline.digits.training.transfer import take_weights, weights_file
from pipeline.system.errors import InputError


def test_weights_of_an_earlier_network_are_taken_and_new_classes_stay_new(tmp_path):
    earlier = networks.mlp((28, 28), 10, hidden_units=[8])
    earlier.save(tmp_path / "earlier.keras")
    same, fewer = (networks.mlp((28, 28), classes, hidden_units=[8]) for classes in (10, 3))
    fresh = fewer.get_weights()
    take_weights(same, tmp_path / "earlier.keras")
    take_weights(fewer, tmp_path / "earlier.keras")
    for ours, theirs in zip(same.get_weights(), earlier.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    assert np.array_equal(fewer.get_weights()[0], earlier.get_weights()[0])
    assert np.array_equal(fewer.get_weights()[2], fresh[2])


def test_a_network_of_other_layers_is_refused_in_one_line(tmp_path):
    networks.mlp((28, 28), 10, hidden_units=[8]).save(tmp_path / "earlier.keras")
    (tmp_path / "broken.keras").write_bytes(b"no network")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("a", "b")
    wrong = [("earlier", "other layers"), ("broken", "not a network"), ("empty", "not a network")]
    for name, message in wrong:
        with pytest.raises(InputError, match=message) as caught:
            take_weights(networks.mlp((28, 28), 10, hidden_units=[9]), tmp_path / f"{name}.keras")
        assert "\n" not in str(caught.value)


def test_a_start_that_is_a_file_is_distinguished_from_a_run(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "earlier.keras").write_bytes(b"")
    assert weights_file("~/earlier.keras") == Path(tmp_path, "earlier.keras")
    assert weights_file(str(tmp_path)) is None
    assert weights_file("0" * 32) is None
