"""A training starts from the weights of an earlier network of the same layers, and of no other."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.digits.training import networks
from pipeline.digits.training.transfer import take_weights, weights_file
from pipeline.system import files
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


def lambda_network():
    """Return a network that touches the file $MARK when it is called or loaded."""
    import keras

    pixels = keras.Input((28, 28))
    # Where it is loaded, the names of this module are not known.
    harm = keras.layers.Lambda(
        lambda x: (__import__("pathlib").Path(__import__("os").environ["MARK"]).touch(), x)[1]
    )
    return keras.Model(pixels, harm(pixels))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.filterwarnings("ignore:.*HDF5 file")  # Keras, about the old format
def test_no_code_in_a_file_of_a_network_is_run(tmp_path, monkeypatch, suffix):
    mark, file = tmp_path / "mark", tmp_path / f"network.{suffix}"
    monkeypatch.setenv("MARK", str(mark))
    lambda_network().save(file)
    mark.unlink()
    with pytest.raises(InputError, match="not a network"):
        take_weights(networks.mlp((28, 28), 10, hidden_units=[8]), file)
    assert not mark.exists()


def test_an_archive_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_UNPACKED", 1_000_000)
    bomb = tmp_path / "bomb.keras"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", bytes(1_000_001))
    with pytest.raises(InputError, match="not a network") as refused:
        take_weights(networks.mlp((28, 28), 10, hidden_units=[8]), bomb)
    assert "would unpack to 1,000,001 bytes" in str(refused.value.__cause__)
