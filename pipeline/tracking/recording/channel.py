"""Connect a stage to the recorder process, and start that process if it is not running."""

import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from multiprocessing.connection import Client, Connection
from pathlib import Path

from pipeline.config.places import ROOT, home
from pipeline.tracking.recording.messages import Answer, Message
from pipeline.tracking.store import mlflow_environment

log = logging.getLogger(__name__)

SERVER = "pipeline.tracking.recording.server"
START_TIMEOUT = 60.0
"""Seconds within which the recorder process must start."""
POLL_INTERVAL = 0.02
"""Seconds between attempts to reach a recorder process that is starting."""
SERVER_CODE = ("tracking", "config", "system")
"""Folders of pipeline/ that the recorder process runs code from."""


class RecordingError(Exception):
    """The recorder process could not be reached, or MLflow rejected a record."""


class ProcessGoneError(RecordingError):
    """The recorder process has ended."""


def ensure_server() -> None:
    """Start the recorder process if it is not running.

    Raises:
        RecordingError: It does not start.
    """
    _connect(_socket()).close()


def open_connection(first: Message) -> tuple[Connection, Answer]:
    """Connect to the recorder process and send a first message; return connection and answer.

    Raises:
        RecordingError: The recorder process could not be reached.
    """
    try:
        return _first_exchange(first)
    except ProcessGoneError:  # it was just about to end
        return _first_exchange(first)


def _first_exchange(first: Message) -> tuple[Connection, Answer]:
    connection = _connect(_socket())
    return connection, exchange(connection, first)


def exchange(connection: Connection, message: Message) -> Answer:
    """Send a message and wait for its final answer; log the warnings of those before.

    Raises:
        ProcessGoneError: The recorder process has ended.
    """
    try:
        connection.send(message)
        answer: Answer = connection.recv()
        while not answer.is_final:
            for warning in answer.warnings:
                log.warning(warning)
            answer = connection.recv()
    except (OSError, EOFError) as gone:
        raise ProcessGoneError("the recorder process is gone") from gone
    return answer


def _socket() -> Path:
    """Return the socket of the recorder process that runs this code for this project.

    Raises:
        RecordingError: Other users could put their own socket there.
    """
    folder = Path(tempfile.gettempdir()) / f"digits-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    state = folder.lstat()
    if state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise RecordingError(f"{folder}: other users can write there; remove it")
    return folder / f"{_server_digest()[:16]}.socket"


def _server_digest() -> str:
    """Return a hash of all that distinguishes recorder processes: their code and environment."""
    digest = hashlib.sha256()
    for part in SERVER_CODE:
        for file in sorted((ROOT / "pipeline" / part).rglob("*.py")):
            digest.update(file.read_bytes())
    settings = sorted(
        (key, value)
        for key, value in mlflow_environment().items()
        if key.startswith("MLFLOW_") and key not in ("MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI")
    )
    digest.update(repr((sys.executable, str(home()), settings)).encode())
    return digest.hexdigest()


def _connect(socket: Path) -> Connection:
    """Connect to the recorder process; start it if it is not running.

    Raises:
        RecordingError: It does not start.
    """
    from filelock import FileLock, Timeout

    with suppress(OSError):
        return Client(str(socket), "AF_UNIX")
    try:
        with FileLock(socket.with_suffix(".lock"), timeout=START_TIMEOUT):
            with suppress(OSError):
                return Client(str(socket), "AF_UNIX")  # another stage was faster
            return _start(socket)
    except Timeout as error:
        raise RecordingError(
            "another command has not finished starting the recorder process; is it suspended?"
        ) from error


def _start(socket: Path) -> Connection:
    """Start the recorder process and connect to it as soon as it listens."""
    log_file = socket.with_suffix(".log")
    process = _spawn(socket, log_file)
    until = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError):
            return Client(str(socket), "AF_UNIX")
        time.sleep(POLL_INTERVAL)
    process.kill()
    lines = log_file.read_text(encoding="utf-8", errors="replace").split("\n")
    raise RecordingError(" ".join(["the recorder process did not start", *lines[-2:]]).strip())


def _spawn(socket: Path, log_file: Path) -> subprocess.Popen[bytes]:
    # The variables are set only for the new process. This code runs in a thread, and setting a
    # variable here while TensorFlow reads another causes a segmentation fault.
    environment = mlflow_environment() | {"PYTHONPATH": str(ROOT), "DVC_ROOT": str(home())}
    environment.pop("MLFLOW_RUN_ID", None)
    with log_file.open("w") as errors:
        # -P and PYTHONPATH make it run the code of this process. The working directory is home():
        # the copy in which a queued experiment runs is deleted soon.
        return subprocess.Popen(
            [sys.executable, "-P", "-m", SERVER, str(socket)],
            cwd=home(),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
