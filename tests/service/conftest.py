"""A service that answers with a small network in models/, without a registry."""

import copy
from pathlib import Path

import pytest
from support.networks import write_line_reader, write_reader
from support.service import running

from pipeline.inventory import readers

PICTURES = Path(__file__).parents[2] / "data" / "custom"


@pytest.fixture(scope="session")
def untracked(default_tree):
    """Return the default configuration without MLflow."""
    tree = copy.deepcopy(default_tree)
    tree["tracking"]["enabled"] = False
    return tree


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Write the networks of models/ elsewhere; return their folder."""
    folder = tmp_path_factory.mktemp("models")
    write_reader(folder / "model.onnx", 14, title="mlp 8 · 1 epoch")
    write_line_reader(folder / "lines.onnx")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "ONNX_FILE", folder / "model.onnx")
        patch.setattr(readers, "LINES_FILE", folder / "lines.onnx")
        yield folder


@pytest.fixture(scope="module")
def client(untracked, models):
    """Run the service for all tests of a file."""
    with running(untracked) as client:
        yield client


@pytest.fixture(scope="session")
def seven():
    """Return the content of a picture file."""
    return (PICTURES / "7_small.png").read_bytes()
