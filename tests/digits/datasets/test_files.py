"""Published files are read and downloaded whole, or refused in one line."""

import gzip
import http.server
import socket
import threading
import time

import numpy as np
import pytest
from support.published import same_arrays, small_arrays, write_idx_files, write_npz

from pipeline.digits.datasets import files
from pipeline.system.errors import InputError


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/late":
            time.sleep(0.5)
        self.send_response(200 if self.path != "/missing" else 404)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * (300 if self.path == "/cut" else 1000))

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_download_arrives(server, tmp_path):
    files.download(f"{server}/whole", tmp_path / "new" / "file")
    assert (tmp_path / "new" / "file").read_bytes() == b"x" * 1000


@pytest.mark.parametrize("page", ["missing", "cut"])
def test_a_failed_download_leaves_nothing(server, tmp_path, page):
    with pytest.raises(OSError, match=r"404|1000|incomplete"):
        files.download(f"{server}/{page}", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_silent_server_is_given_up_on(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "FIRST_BYTES_WITHIN", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(TimeoutError, match="no answer"):
            files.download(f"http://127.0.0.1:{silent.getsockname()[1]}/", tmp_path / "file")
        assert time.monotonic() - started < files.SILENCE_WITHIN


def test_an_answer_that_comes_too_late_leaves_nothing(server, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "FIRST_BYTES_WITHIN", 0.2)
    with pytest.raises(TimeoutError, match="no answer"):
        files.download(f"{server}/late", tmp_path / "file")
    time.sleep(1)
    assert list(tmp_path.iterdir()) == []


def test_the_default_patience_is_less_than_15_seconds():
    assert files.FIRST_BYTES_WITHIN < 15


@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_are_read(tmp_path, packed):
    write_idx_files(tmp_path, small_arrays(), packed=packed)
    assert same_arrays(files.read_mnist(tmp_path), small_arrays())


def test_idx_files_of_the_other_spelling_are_read(tmp_path):
    write_idx_files(tmp_path, small_arrays(), packed=False)
    for path in tmp_path.iterdir():
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert same_arrays(files.read_mnist(tmp_path), small_arrays())


@pytest.mark.parametrize("named", ["folder", "file"])
def test_an_npz_is_read(tmp_path, named):
    write_npz(tmp_path / "mnist.npz", small_arrays())
    path = tmp_path / "mnist.npz" if named == "file" else tmp_path
    assert same_arrays(files.read_mnist(path), small_arrays())


def test_a_missing_file_is_named(tmp_path):
    write_idx_files(tmp_path, small_arrays())
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match="t10k-labels-idx1-ubyte"):
        files.read_mnist(tmp_path)
    with pytest.raises(InputError, match="nowhere: no such folder or file"):
        files.read_mnist(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"\0\0\x08\x03short")],
    ids=["empty", "no gzip", "cut"],  # a gzip file holds the time, on which workers must not differ
)
def test_a_broken_file_is_told_in_one_line(tmp_path, content):
    write_idx_files(tmp_path, small_arrays())
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(InputError, match="train-images") as caught:
        files.read_mnist(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_cut_archive_is_told_in_one_line(tmp_path):
    write_npz(tmp_path / "mnist.npz", small_arrays())
    content = (tmp_path / "mnist.npz").read_bytes()
    (tmp_path / "mnist.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"mnist\.npz") as caught:
        files.read_mnist(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_archive_of_something_else_is_told(tmp_path):
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros(3, np.uint8))
    with pytest.raises(InputError, match="holds no x_test, y_test, y_train"):
        files.read_mnist(tmp_path)


def test_a_packed_file_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    write_idx_files(tmp_path, small_arrays(), packed=True)
    assert same_arrays(files.read_mnist(tmp_path), small_arrays())
    monkeypatch.setattr(files, "MOST_UNPACKED", 100)
    with pytest.raises(InputError, match="it holds more than 100 bytes"):
        files.read_mnist(tmp_path)
