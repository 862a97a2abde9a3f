"""Fashion-MNIST, checked by its shapes."""

import gzip

import numpy as np
import pytest
from support.published import write_idx_files

from pipeline.digits.datasets import fashion_mnist
from pipeline.system.errors import InputError


@pytest.fixture
def fashion(tmp_path):
    """Return a folder with four files of Fashion-MNIST's shapes, all black."""
    for name, per_class in (("train", 6000), ("t10k", 1000)):
        labels = np.repeat(np.arange(10, dtype=np.uint8), per_class)
        images = np.zeros((len(labels), 28, 28), np.uint8)
        arrays = {f"{name}-images": images, f"{name}-labels": labels}
        write_idx_files(tmp_path, arrays, packed=False)
    return tmp_path


def test_fashion_mnist_is_read_by_the_names_of_its_classes(fashion):
    dataset = fashion_mnist.fashion_mnist(path=str(fashion))
    assert (len(dataset.train), len(dataset.test)) == (60_000, 10_000)
    assert dataset.class_names[9] == "Ankle boot"
    assert (dataset.name, dataset.note) == ("fashion-mnist", None)
    assert dataset.source == "the published Fashion-MNIST files"


def test_what_is_not_fashion_mnist_is_refused(fashion):
    file = fashion / "t10k-labels-idx1-ubyte"
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    with pytest.raises(InputError, match="is not Fashion-MNIST"):
        fashion_mnist.fashion_mnist(path=str(fashion))


def test_the_four_files_are_fetched_into_kerass_cache_once(fashion, monkeypatch):
    fetched = []

    def deliver(url, file):
        fetched.append(url.rpartition("/")[2])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress((fashion / file.stem).read_bytes(), 1))

    monkeypatch.setenv("HOME", str(fashion))
    monkeypatch.setattr(fashion_mnist, "download", deliver)
    for _ in range(2):
        assert len(fashion_mnist.fashion_mnist().train) == 60_000
    assert sorted(fetched) == [
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
    ]


def test_fashion_mnist_out_of_reach_says_what_to_do(tmp_path, monkeypatch):
    def refuse(url, file):
        raise OSError("Name or service not known")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(fashion_mnist, "download", refuse)
    with pytest.raises(InputError, match=r"\(Name or service not known\): set data\.path"):
        fashion_mnist.fashion_mnist()
