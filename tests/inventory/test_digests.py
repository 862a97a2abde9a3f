"""A network that was changed since it was trained is not loaded."""

import hashlib

import pytest
import yaml

from pipeline.inventory import digests
from pipeline.inventory.digests import expect_unchanged, note_digests
from pipeline.system.errors import InputError


@pytest.fixture
def network(tmp_path, monkeypatch):
    """Return a network's file in a project without dvc.lock."""
    monkeypatch.setattr(digests, "ROOT", tmp_path)
    monkeypatch.setattr(digests, "LOCK", tmp_path / "dvc.lock")
    file = tmp_path / "models" / "model.onnx"
    file.parent.mkdir()
    file.write_bytes(b"as trained")
    return file


def lock(network, content):
    out = {"path": "models/model.onnx", "md5": hashlib.md5(content).hexdigest()}
    folder = {"path": "models/lines", "md5": "0.dir"}
    text = yaml.safe_dump({"stages": {"train": {"outs": [folder, out]}, "other": {"cmd": "x"}}})
    (network.parents[1] / "dvc.lock").write_text(text)


def test_a_changed_network_is_refused_and_an_unchanged_one_is_not(network):
    note_digests(network.parent, network)
    expect_unchanged(network)
    network.write_bytes(b"as traineD")
    with pytest.raises(InputError, match=r"model\.onnx: is not the network that was trained here"):
        expect_unchanged(network)


def test_dvc_lock_knows_a_network_as_well(network):
    lock(network, b"as trained")
    expect_unchanged(network)
    network.write_bytes(b"other")
    with pytest.raises(InputError, match="`dvc checkout` or `dvc repro` restores it"):
        expect_unchanged(network)


def test_a_network_trained_by_hand_need_not_be_that_of_dvc_lock(network):
    lock(network, b"committed")
    note_digests(network.parent, network)
    expect_unchanged(network)


@pytest.mark.parametrize(
    "text", ["", "[", "stages: 3", "stages: {train: {outs: [{md5: 1}]}}", "- 1"]
)
def test_a_network_of_which_nothing_is_known_is_let_through(network, text):
    expect_unchanged(network)
    (network.parents[1] / "dvc.lock").write_text(text)
    (network.parent / "digests.json").write_text(text)
    expect_unchanged(network)
    expect_unchanged(network.with_name("missing.onnx"))
