"""MNIST from wherever it is to be had, checked and split."""

import gzip
import logging
import struct

import numpy as np
import pytest

from pipeline.digits import splits
from pipeline.digits.datasets import fashion_mnist, files, mnist
from pipeline.digits.splits import Split
from pipeline.system.errors import InputError


def idx_bytes(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def small_mnist(monkeypatch):
    """Return four small arrays whose hashes stand for those of the published MNIST."""
    rng = np.random.default_rng(1)
    arrays = {
        "train-images": rng.integers(0, 256, (60, 28, 28), dtype=np.uint8),
        "train-labels": np.arange(60, dtype=np.uint8) % 10,
        "t10k-images": rng.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        "t10k-labels": np.arange(20, dtype=np.uint8) % 10,
    }
    hashes = {name: mnist._idx_sha256(array) for name, array in arrays.items()}
    monkeypatch.setattr(mnist, "MNIST_SHA256", hashes)
    return arrays


def write_idx_files(folder, arrays, *, packed):
    for name, array in arrays.items():
        path = folder / f"{name}-idx{array.ndim}-ubyte{'.gz' if packed else ''}"
        content = idx_bytes(array)
        path.write_bytes(gzip.compress(content) if packed else content)


def write_npz(path, arrays):
    np.savez(path, **{files.NPZ_NAMES[name]: array for name, array in arrays.items()})


def same(dataset, arrays):
    return (
        np.array_equal(dataset.train.images, arrays["train-images"])
        and np.array_equal(dataset.train.labels, arrays["train-labels"])
        and np.array_equal(dataset.test.images, arrays["t10k-images"])
        and np.array_equal(dataset.test.labels, arrays["t10k-labels"])
    )


@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_are_read(tmp_path, small_mnist, packed):
    write_idx_files(tmp_path, small_mnist, packed=packed)
    dataset = mnist.mnist(path=str(tmp_path))
    assert same(dataset, small_mnist)
    assert dataset.note is None


@pytest.mark.parametrize("named", ["folder", "file"])
def test_an_npz_is_read(tmp_path, small_mnist, named):
    write_npz(tmp_path / "mnist.npz", small_mnist)
    path = tmp_path / "mnist.npz" if named == "file" else tmp_path
    assert same(mnist.mnist(path=str(path)), small_mnist)


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
    write_idx_files(tmp_path, small_mnist, packed=True)
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


def test_a_missing_file_is_named(tmp_path, small_mnist):
    write_idx_files(tmp_path, small_mnist, packed=True)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match="t10k-labels-idx1-ubyte"):
        mnist.mnist(path=str(tmp_path))


def test_one_changed_pixel_is_noticed(tmp_path, small_mnist):
    small_mnist["train-images"][3, 4, 5] ^= 1
    write_idx_files(tmp_path, small_mnist, packed=True)
    with pytest.raises(InputError, match=r"train-images .*SHA-256"):
        mnist.mnist(path=str(tmp_path))


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"\0\0\x08\x03short")],
    ids=["empty", "no gzip", "cut"],  # a gzip file holds the time, on which workers must not differ
)
def test_a_broken_file_is_told_in_one_line(tmp_path, small_mnist, content):
    write_idx_files(tmp_path, small_mnist, packed=True)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(InputError, match="train-images") as caught:
        mnist.mnist(path=str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_cut_archive_is_told_in_one_line(tmp_path, small_mnist):
    write_npz(tmp_path / "mnist.npz", small_mnist)
    content = (tmp_path / "mnist.npz").read_bytes()
    (tmp_path / "mnist.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"mnist\.npz") as caught:
        mnist.mnist(path=str(tmp_path))
    assert "\n" not in str(caught.value)


def test_the_split_is_stratified_complete_and_seeded(digits_like):
    def split(seed):
        return splits.stratified_split(digits_like, 0.1, np.random.default_rng(seed))

    train, validation = split(0)
    assert splits.class_counts(validation, 10) == [2] * 10
    together = np.concatenate([train.images, validation.images])
    assert {image.tobytes() for image in together} == {i.tobytes() for i in digits_like.images}
    assert np.array_equal(split(0)[1].images, validation.images)
    assert not np.array_equal(split(1)[1].images, validation.images)


def test_the_parts_add_up_to_the_size_asked_for():
    labels = np.repeat(np.arange(10, dtype=np.uint8), [97, 113, 99, 102, 97, 90, 99, 104, 97, 99])
    split = Split(np.zeros((len(labels), 2, 2), np.uint8), labels)
    _, validation = splits.stratified_split(split, 83 / len(split), np.random.default_rng(0))
    assert len(validation) == 83


def test_a_small_data_set_keeps_eight_ninths_for_training(digits_like):
    assert splits.validation_share(5000, len(digits_like)) == pytest.approx(1 / 9)
    assert splits.validation_share(20, len(digits_like)) == pytest.approx(0.1)


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
    assert str(fashion) not in dataset.source


def test_what_is_not_fashion_mnist_is_refused(fashion):
    file = fashion / "t10k-labels-idx1-ubyte"
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    with pytest.raises(InputError, match="is not Fashion-MNIST"):
        fashion_mnist.fashion_mnist(path=str(fashion))


@pytest.mark.usefixtures("no_network")
def test_fashion_mnist_out_of_reach_says_what_to_do():
    with pytest.raises(InputError, match=r"set data\.path"):
        fashion_mnist.fashion_mnist()


def test_the_digest_sees_every_pixel_and_label(digits_like):
    other_pixel = digits_like.images.copy()
    other_pixel[7, 3, 3] ^= 1
    other_label = digits_like.labels.copy()
    other_label[5] = (other_label[5] + 1) % 10
    digests = {
        splits.digest([digits_like]),
        splits.digest([Split(other_pixel, digits_like.labels)]),
        splits.digest([Split(digits_like.images, other_label)]),
    }
    assert len(digests) == 3


def test_a_saved_split_comes_back_and_is_the_same_bytes(tmp_path, digits_like):
    for name in ("one.npz", "two.npz"):
        splits.save_split(digits_like, tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    loaded = splits.load_split(tmp_path / "one.npz")
    assert np.array_equal(loaded.images, digits_like.images)
    assert np.array_equal(loaded.labels, digits_like.labels)


def test_a_missing_split_names_the_stage_to_run(tmp_path):
    with pytest.raises(InputError, match="dvc repro prepare"):
        splits.load_split(tmp_path / "train.npz")
