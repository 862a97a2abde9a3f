"""Bad requests get one line; large, slow and too many ones harm nobody."""

import http.client
import json
import socket
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psutil
import pytest
from support.service import multipart, running

from pipeline.service import app as service_app
from pipeline.service import connections, reading
from pipeline.service.limits import MEGABYTE, Limits
from pipeline.system.machine import cores

LIMITS = Limits(body_megabytes=1, all_megabytes=2, body_seconds=1.0, waiting=1)


@pytest.fixture(scope="module")
def strict(untracked, models):
    """Run the service with low limits."""
    with running(untracked, LIMITS) as client:
        yield client


def bomb(side):
    """Return a small PNG that says it has `side` × `side` pixels."""

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    rows = zlib.compress(bytes(1000 * 1000), 9)
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows)


@pytest.mark.parametrize(
    ("address", "body", "status", "reason"),
    [
        ("/read", b"", 400, "no picture"),
        ("/read", b"not a picture", 422, "not a picture"),
        ("/read", bomb(50_000), 422, "pixels"),
        ("/read?mode=digits", b"x", 422, "mode"),
        ("/read?network=99", b"x", 404, "network=99"),
        ("/nothing", b"x", 404, "Not Found"),
        ("/invocations", b"{", 400, "JSON"),
        ("/invocations", b"[1]", 400, "object"),
        ("/invocations", b"{}", 400, "inputs"),
        ("/invocations", b"[" * 100_000, 400, "JSON"),
        ("/invocations", b'{"dataframe_split": {"data": [[1, 2]]}}', 400, "one column"),
        ("/invocations", b'{"inputs": [], "params": {"unsure_below": 2}}', 400, "unsure_below"),
    ],
)
def test_a_bad_request_is_told_in_one_line_what_is_wrong(client, address, body, status, reason):
    answered, content = client.post(address, body)
    assert answered == status
    assert set(content) == {"error"}
    assert reason in content["error"]
    assert "\n" not in content["error"]


def test_an_array_that_is_no_picture_is_an_error_among_answers(client):
    _, answers = client.post("/invocations", json.dumps({"inputs": [[[1, 2], [3]], "x"]}))
    assert [row["status"] for row in answers["predictions"]] == ["error", "error"]


def test_a_form_without_files_is_refused(client):
    body, kind = multipart([])
    assert client.post("/read", body, Content_Type=kind)[0] == 400


def test_a_form_that_is_broken_is_refused(client):
    assert client.post("/read", b"--x", Content_Type="multipart/form-data")[0] == 400


def test_too_large_a_body_is_refused_before_and_while_it_arrives(strict, seven):
    large = bytes(MEGABYTE + 1)
    assert strict.post("/read", large)[0] == 413
    connection = http.client.HTTPConnection("127.0.0.1", strict.port, timeout=30)
    connection.request("POST", "/read", iter([large]), encode_chunked=True)
    assert connection.getresponse().status == 413
    assert strict.post("/read", seven)[0] == 200


def slow_request(port, announced, sent):
    """Open a connection and send a part of a body."""
    connection = socket.create_connection(("127.0.0.1", port))
    head = f"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: {announced}\r\n\r\n"
    connection.sendall(head.encode() + bytes(sent))
    return connection


def test_a_slow_sender_is_refused_and_delays_nobody(strict, seven):
    slow = [slow_request(strict.port, 1000, 10) for _ in range(8)]
    assert strict.post("/read", seven)[0] == 200
    assert all(b"408" in connection.recv(64) for connection in slow)


def test_all_bodies_together_take_no_more_memory_than_allowed(strict, seven):
    slow = [slow_request(strict.port, MEGABYTE, MEGABYTE - 1) for _ in range(3)]
    answers = [connection.recv(64) for connection in slow]
    assert sorted(b" 503 " in answer for answer in answers) == [False, False, True]
    assert strict.post("/read", seven)[0] == 200  # what they took is free again


def test_one_too_many_at_once_is_told_to_come_again(untracked, models, seven, monkeypatch):
    free = threading.Event()
    monkeypatch.setattr(reading, "make_pool", lambda: ThreadPoolExecutor(cores()))
    monkeypatch.setattr(service_app, "read_digits", lambda *_, **__: free.wait(30) and ([], []))
    room = LIMITS.waiting + cores()
    with running(untracked, LIMITS) as client:
        answers, told = ask_more_than_fit(client, room, seven, free)
    assert told == (503, "1")
    assert answers == [200] * room


def ask_more_than_fit(strict, room, seven, free):
    """Ask as often as there is room, and once more; return the answers."""
    answers = []
    waiting = [
        threading.Thread(target=lambda: answers.append(strict.post("/read", seven)[0]))
        for _ in range(room)
    ]
    for each in waiting:
        each.start()
    time.sleep(0.5)
    status, headers, _ = strict.ask("POST", "/read", seven)
    free.set()
    for each in waiting:
        each.join()
    return answers, (status, headers["Retry-After"])


def test_a_connection_that_says_nothing_is_closed(untracked, models, monkeypatch):
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.2)
    with running(untracked) as client:
        silent = socket.create_connection(("127.0.0.1", client.port))
        silent.settimeout(30)
        assert silent.recv(1) == b""
        assert client.get("/health")[0] == 200


def test_when_a_reading_process_is_killed_the_next_request_is_answered(untracked, models, seven):
    with running(untracked) as client:
        client.post("/read", seven)
        ours = psutil.Process()
        for process in ours.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # a zombie, or gone
                if "forkserver" in " ".join(process.cmdline()) and process.ppid() != ours.pid:
                    process.kill()
        until = time.monotonic() + 60
        while (status := client.post("/read", seven)[0]) != 200 and time.monotonic() < until:
            assert status == 503
        assert status == 200
