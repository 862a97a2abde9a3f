"""The service as a command: it ends quietly, and says why it cannot begin."""

import signal
import subprocess
import sys

import pytest
from support.projects import answers, free_port, wait_for
from support.starting import refusal

from pipeline.config.params import dump

pytestmark = pytest.mark.end_to_end


def serve(port):
    command = [sys.executable, "-m", "pipeline.serve", f"port={port}", "tracking.enabled=false"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly_and_a_taken_port_is_told_in_one_line(kind):
    port = free_port()
    service = serve(port)
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/health"), 60)
        second = serve(port)
        told = second.communicate(timeout=60)[1]
        service.send_signal(kind)
        said = service.communicate(timeout=60)[1]
    finally:
        service.kill()
    assert second.returncode == 1
    assert told == f"error: port={port} at host=127.0.0.1: Address already in use; choose another\n"
    assert service.returncode == 0
    assert "Traceback" not in said
    assert "leaked" not in said


def test_a_version_is_named_by_its_number(default_tree):
    assert refusal("pipeline.serve", ["network=3"], dump(default_tree)) is None
