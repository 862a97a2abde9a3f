"""What the tests of trials share."""

import pytest

from pipeline.config.composing import compose


@pytest.fixture(autouse=True)
def reserve_state_folder(tmp_path, monkeypatch):
    """Keep what sweeps and searches keep in a folder of the test's own."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))


@pytest.fixture(scope="session")
def tree():
    """Return the configuration of a small network; change copies of it only."""
    return compose(["data=mnist_5000", "train.distortion=null", "model.hidden_units=[16]"])
