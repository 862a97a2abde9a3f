"""A server ends quietly, with all its processes."""

import os
import signal
import subprocess
import sys

import pytest

SERVER = """
import subprocess, sys, time
code = "import time; print('up', flush=True); time.sleep(99)"
child = subprocess.Popen([sys.executable, "-c", code])
print(child.pid, flush=True)
child.wait()
"""


@pytest.fixture
def served():
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli.serving", sys.executable, "-c", SERVER],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        yield process


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_server_and_its_processes_quietly(served, ending):
    first = served.stdout.readline(), served.stdout.readline()
    os.killpg(served.pid, ending)  # as a terminal does
    _, errors = served.communicate()  # ends with the last process that has the pipe
    assert {"up\n"} < set(first)
    assert errors == ""
    assert served.returncode == 0


def test_a_server_that_ends_by_itself_is_an_error():
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli.serving", sys.executable, "-c", ""],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: the server has ended by itself")
