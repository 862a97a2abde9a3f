"""Files are whole or not there, also when the network is slow."""

import errno
import http.server
import os
import socket
import threading
import time

import pytest

from pipeline.digits.datasets import files as published
from pipeline.system import files


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
    published.download(f"{server}/whole", tmp_path / "new" / "file")
    assert (tmp_path / "new" / "file").read_bytes() == b"x" * 1000


@pytest.mark.parametrize("page", ["missing", "cut"])
def test_a_failed_download_leaves_nothing(server, tmp_path, page):
    with pytest.raises(OSError, match=r"404|1000|incomplete"):
        published.download(f"{server}/{page}", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_silent_server_is_given_up_on(tmp_path, monkeypatch):
    monkeypatch.setattr(published, "FIRST_BYTES_WITHIN", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(TimeoutError, match="no answer"):
            published.download(f"http://127.0.0.1:{silent.getsockname()[1]}/", tmp_path / "file")
        assert time.monotonic() - started < published.SILENCE_WITHIN


def test_an_answer_that_comes_too_late_leaves_nothing(server, tmp_path, monkeypatch):
    monkeypatch.setattr(published, "FIRST_BYTES_WITHIN", 0.2)
    with pytest.raises(TimeoutError, match="no answer"):
        published.download(f"{server}/late", tmp_path / "file")
    time.sleep(1)
    assert list(tmp_path.iterdir()) == []


def test_the_default_patience_is_less_than_15_seconds():
    assert published.FIRST_BYTES_WITHIN < 15


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def write_half():
        with files.replace_when_written(path) as temporary:
            temporary.write_text("ne")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_for_one_block_at_a_time_and_goes_when_that_has_ended_well(tmp_path):
    with files.own_folder(tmp_path / "state") as first:
        (first / "file").write_text("first")
        with files.own_folder(tmp_path / "state") as second:
            assert second is None
        assert (first / "file").read_text() == "first"
    assert list(tmp_path.iterdir()) == []
    with files.own_folder(tmp_path / "state") as third:
        assert third == first


def test_a_folder_is_kept_for_the_next_when_a_block_fails(tmp_path):
    def fail():
        with files.own_folder(tmp_path) as folder:
            (folder / "file").write_text("half")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        fail()
    with files.own_folder(tmp_path) as folder:
        assert (folder / "file").read_text() == "half"


def test_a_full_disk_is_told_with_the_file_that_did_not_fit(tmp_path):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (
        pytest.raises(OSError, match="No space left") as told,
        files.replace_when_written(tmp_path / "answers.csv"),
    ):
        raise full
    assert told.value.filename == str(tmp_path / "answers.csv")


def test_a_folder_in_the_place_of_a_file_is_told_by_its_own_name(tmp_path):
    with (
        pytest.raises(OSError, match="Is a directory") as told,
        files.replace_when_written(tmp_path) as temporary,
    ):
        temporary.write_text("report")
    assert told.value.filename == str(tmp_path)
