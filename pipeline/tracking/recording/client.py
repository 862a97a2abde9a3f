"""A stage's end of the connection to the recorder process."""

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
from typing import Any

from pipeline.config.places import ROOT, home
from pipeline.config.schema import Tracking
from pipeline.tracking.addresses import surroundings
from pipeline.tracking.recording.openings import Opening

log = logging.getLogger(__name__)

SERVER = "pipeline.tracking.recording.server"
STARTS_WITHIN = 60.0


class RecordingError(Exception):
    """The recorder process could not be reached, or MLflow refused what it was given."""


class ProcessGoneError(RecordingError):
    """The recorder process has ended."""


class Writer:
    """The stage's end of the connection: every method of `Recording`, called over there."""

    def __init__(self, uri: str, settings: Tracking, opening: Opening) -> None:
        """Reach the recorder process, starting it if need be, and open the run.

        Raises:
            RecordingError: One of the two did not work.
        """
        self._connection = _connect(_socket())
        try:
            self.run_id: str = self.ask("open", uri, settings, opening)
        except ProcessGoneError:  # it was about to end as we came
            self._connection = _connect(_socket())
            self.run_id = self.ask("open", uri, settings, opening)

    def ask(self, what: str, *arguments: Any) -> Any:
        """Have a method called and wait for what it gives; log what it warns of.

        Raises:
            RecordingError: It raised an error, or the process is gone.
        """
        try:
            self._connection.send((what, arguments))
            answer, error, warnings = self._connection.recv()
        except (OSError, EOFError) as gone:
            raise ProcessGoneError("the recorder process is gone") from gone
        for warning in warnings:
            log.warning(warning)
        if error:
            raise RecordingError(error)
        return answer

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()


class Parcel:
    """A run that is handed over as a whole, so that its stage need not wait until MLflow is up.

    What goes wrong with it is told to the stage that writes next.
    """

    run_id = ""  # known to the recorder process alone

    def __init__(self, uri: str, settings: Tracking, opening: Opening) -> None:
        """Start the recorder process if need be.

        Raises:
            RecordingError: It does not start.
        """
        self._run = (uri, settings, opening)
        self._calls: list[tuple[str, tuple[Any, ...]]] = []
        _connect(_socket()).close()

    def ask(self, what: str, *arguments: Any) -> None:
        """Put in a call of a method; a file with its content, since DVC moves it.

        Raises:
            OSError: The file cannot be read.
        """
        if what == "file":
            path, folder = arguments
            what, arguments = "content", (path.name, path.read_bytes(), folder)
        self._calls.append((what, arguments))

    def close(self) -> None:
        """Hand it over.

        Raises:
            RecordingError: The recorder process is not to be had.
        """
        try:
            self._send()
        except ProcessGoneError:  # it was about to end as we came
            self._send()

    def _send(self) -> None:
        with _connect(_socket()) as connection:
            try:
                connection.send(("write", (*self._run, self._calls)))
                connection.recv()
            except (OSError, EOFError) as gone:
                raise ProcessGoneError("the recorder process is gone") from gone


def _socket() -> Path:
    """Name the socket of the process that runs this very code for this very store."""
    code = hashlib.sha256()
    for part in ("tracking", "config", "system"):
        for file in sorted((ROOT / "pipeline" / part).rglob("*.py")):
            code.update(file.read_bytes())
    # Nothing is set in this process, only for the other one: this runs in a thread, and where one
    # sets a variable while TensorFlow reads another, that ends in a segmentation fault.
    settings = sorted(
        (key, value)
        for key, value in surroundings().items()
        if key.startswith("MLFLOW_") and key not in ("MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI")
    )
    code.update(repr((sys.executable, str(home()), settings)).encode())
    folder = Path(tempfile.gettempdir()) / f"digits-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    state = folder.lstat()
    if state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise RecordingError(f"{folder}: others can write there; remove it")
    return folder / f"{code.hexdigest()[:16]}.socket"


def _connect(socket: Path) -> Connection:
    """Open a connection to the recorder process, which is started where there is none."""
    from filelock import FileLock, Timeout

    with suppress(OSError):
        return Client(str(socket), "AF_UNIX")
    try:
        with FileLock(socket.with_suffix(".lock"), timeout=STARTS_WITHIN):
            with suppress(OSError):
                return Client(str(socket), "AF_UNIX")  # another stage was quicker
            return _start(socket)
    except Timeout as error:
        raise RecordingError(
            "another command has not got the recorder process started; is it halted?"
        ) from error


def _start(socket: Path) -> Connection:
    environment = surroundings() | {"PYTHONPATH": str(ROOT), "DVC_ROOT": str(home())}
    environment.pop("MLFLOW_RUN_ID", None)
    told = socket.with_suffix(".log")
    with told.open("w") as errors:
        # -P and PYTHONPATH: the code is this one's, and a copy that a queued experiment runs in
        # is soon gone, so the working directory is not.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", SERVER, str(socket)],
            cwd=home(),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
    until = time.monotonic() + STARTS_WITHIN
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError):
            return Client(str(socket), "AF_UNIX")
        time.sleep(0.02)
    process.kill()
    lines = told.read_text(encoding="utf-8", errors="replace").split("\n")
    raise RecordingError(" ".join(["the recorder process did not start", *lines[-2:]]).strip())
