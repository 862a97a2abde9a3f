"""Processes that work through many items: what they import, and how they end."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from pipeline.config.places import ROOT
from pipeline.digits.preprocessing import workers
from pipeline.digits.preprocessing.streaming import in_chunks
from pipeline.system.errors import InputError


def process_of(item):
    return item, os.getpid()


def large(item):
    # More than a pipe takes: who sends it waits for someone to receive it.
    return item, bytes(1_000_000)


def killed_at(item, number):
    if item == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def touched(item, folder):
    (folder / str(item)).touch()
    time.sleep(0.02)


def test_processes_leave_the_rest_when_nobody_waits_for_it(tmp_path):
    chunks = in_chunks(partial(touched, folder=tmp_path), range(300), 100, by_processes=True)
    next(chunks)
    while len(list(tmp_path.iterdir())) == 100:  # until the next chunk is begun
        time.sleep(0.001)
    chunks.close()
    assert len(list(tmp_path.iterdir())) < 130


def test_a_killed_process_is_told_of_and_what_was_done_before_it_is_kept():
    work = partial(killed_at, number=290)
    done = []
    chunks = in_chunks(work, range(300), 100, by_processes=True)
    with pytest.raises(InputError, match="was killed"):
        done.extend(chunks)
    done = [item for chunk in done for item in chunk]
    assert done == list(range(len(done)))
    assert len(done) >= 100


def test_the_processes_end_with_the_one_that_gives_them_work_even_if_it_is_killed(tmp_path):
    script = "\n".join(
        (
            "import multiprocessing, os, signal, sys",
            f"sys.path.insert(0, {str(Path(__file__).parent)!r})",
            "from test_workers import large",
            "from pipeline.digits.preprocessing.streaming import in_chunks",
            "chunks = in_chunks(large, range(1000), 10, by_processes=True)",
            "next(chunks)",
            "print(*(child.pid for child in multiprocessing.active_children()), flush=True)",
            "os.kill(os.getpid(), signal.SIGKILL)",
        )
    )
    # Into a file: at the end of a pipe one would wait for the processes, too.
    output = tmp_path / "output.txt"
    with output.open("w") as file:
        ended = subprocess.run([sys.executable, "-c", script], stdout=file, stderr=file)
    workers = output.read_text().splitlines()[0].split()
    assert ended.returncode == -signal.SIGKILL, output.read_text()
    assert workers
    until = time.monotonic() + 10
    while any(map(is_running, workers)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(is_running, workers))


def test_what_the_command_imports_is_not_imported_again_in_every_process(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "command.py").write_text(
        "import pipeline.digits.preprocessing.normalise\n"
        "from test_workers import process_of\n"
        "from pipeline.digits.preprocessing.streaming import in_chunks\n"
        "if __name__ == '__main__':\n"
        "    (results,) = in_chunks(process_of, range(300), 300, by_processes=True)\n"
    )
    # This project, not another one that may be installed.
    found = os.pathsep.join([str(Path(__file__).parent), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": found, "PYTHONPROFILEIMPORTTIME": "1"}

    ended = subprocess.run(
        [sys.executable, "-m", "own.command"],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )

    assert ended.returncode == 0
    lines = ended.stderr.splitlines()
    imports = [line for line in lines if line.endswith("preprocessing.normalise")]
    assert len(imports) == 2  # by the command, and by the process that the others are forked from
    assert "Warning" not in ended.stderr


def is_running(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_without_semaphores_threads_do_the_work(monkeypatch, caplog):
    def refuse(_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))  # /dev/shm, in some containers

    monkeypatch.setattr(multiprocessing.context.BaseContext, "Event", refuse)
    with workers.processes() as pool:
        assert pool.submit(workers.work_through, abs, [-1, 2]).result() == [1, 2]
    assert caplog.messages == [
        "no processes can be used (/dev/shm: Read-only file system); threads take longer"
    ]
