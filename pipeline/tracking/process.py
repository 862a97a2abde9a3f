"""The process that writes to MLflow for all stages of a pipeline.

MLflow takes longer to start than most stages run. So the first stage starts a process that opens
MLflow once, on another core, and the stages that follow find it there: over a socket of this
user's, each writes its runs with a few messages. It ends by itself once nobody has written for a
while. `python -m pipeline.tracking.process SOCKET` is how it is started.
"""

import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pipeline.config import ROOT, Tracking, home
from pipeline.digits.errors import kind_and_words
from pipeline.digits.machine import collect_seldom
from pipeline.tracking.recording import Recording
from pipeline.tracking.store import Opening, open_store, surroundings

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)

IDLE_SECONDS = 20.0
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
    here = Path(__file__).parent
    for file in (*sorted(here.glob("*.py")), here.with_name("config.py")):
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
            [sys.executable, "-P", "-m", __name__, str(socket)],
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


class _Kept(logging.Handler):
    """Keeps warnings for the stage that is being answered."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message of a warning."""
        self._messages.append(record.getMessage())

    def take(self) -> list[str]:
        """Return what was kept, and forget it."""
        taken, self._messages = self._messages, []
        return taken


class _Server:
    """The recorder process's end: one thread a connection, one write at a time."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._clients: dict[str, MlflowClient] = {}
        self._files: dict[str, int | None] = {}
        self._writing = threading.Lock()
        self._warnings = _Kept()
        self._counting = threading.Lock()
        self._connections = 0
        self._idle_since = time.monotonic()
        logging.getLogger("pipeline").addHandler(self._warnings)

    def serve(self) -> None:
        """Answer stages until nobody has asked for a while."""
        self._socket.unlink(missing_ok=True)
        listener = Listener(str(self._socket), "AF_UNIX", backlog=64)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        import mlflow  # noqa: F401  # as early as possible: the first stage is at work already

        while self._connections or time.monotonic() - self._idle_since < IDLE_SECONDS:
            time.sleep(0.5)
        self._end()

    def _end(self) -> NoReturn:
        # In this order a stage that is turned away here cannot come here again.
        self._socket.unlink(missing_ok=True)
        os._exit(0)

    def _accept(self, listener: Listener) -> None:
        while True:
            connection = listener.accept()
            with self._counting:
                self._connections += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: Connection) -> None:
        try:
            self._write_for(connection)
        finally:  # whatever it sent, it must not keep this process alive
            with self._counting:
                self._idle_since = time.monotonic()
                self._connections -= 1

    def _write_for(self, connection: Connection) -> None:
        """Do what a writer asks for until it goes; one that goes without a word was killed."""
        recording: Recording | None = None
        with connection, suppress(EOFError, OSError):
            while True:
                what, arguments = connection.recv()
                if what == "write":
                    self._write(connection, *arguments)
                    continue
                with self._writing:
                    try:
                        if what == "open":
                            recording = self._open(*arguments)
                            answer = recording.run_id
                        else:
                            answer = getattr(recording, what)(*arguments)
                        error = None
                    except Exception as refused:
                        answer, error = None, kind_and_words(refused, 300)
                    warnings = self._warnings.take()
                if what == "finish" and not error:
                    recording = None
                connection.send((answer, error, warnings))
        if recording:
            with self._writing, suppress(Exception):
                recording.abandon()

    def _write(
        self,
        connection: Connection,
        uri: str,
        settings: Tracking,
        opening: Opening,
        calls: list[tuple[str, tuple[Any, ...]]],
    ) -> None:
        """Write a whole run, before any other is written to."""
        with self._writing:
            self._end_if_removed(uri)
            connection.send(None)
            try:
                recording = self._open(uri, settings, opening)
            except Exception as refused:
                _warn_later("did not record an earlier stage", refused)
                return
            for what, arguments in calls:
                try:
                    getattr(recording, what)(*arguments)
                except Exception as refused:
                    _warn_later(f"did not take the {what} of an earlier stage", refused)

    def _end_if_removed(self, uri: str) -> None:
        if self._files.setdefault(uri, _inode(uri)) != _inode(uri):
            self._end()  # MLflow would go on writing to a file that has been removed

    def _open(self, uri: str, settings: Tracking, opening: Opening) -> Recording:
        self._end_if_removed(uri)
        key = f"{uri} {settings.experiment}"
        if key not in self._clients:
            self._clients[key] = open_store(uri, settings)
            self._files[uri] = _inode(uri)
        return Recording(self._clients[key], settings, opening)


def _warn_later(what: str, refused: Exception) -> None:
    """Leave a warning for the stage that writes next."""
    # Not `log`: this process runs the module under another name.
    logging.getLogger("pipeline").warning("MLflow %s (%s)", what, kind_and_words(refused, 300))


def _inode(uri: str) -> int | None:
    """Tell a SQLite file from another in its place; None for what is no file."""
    path = Path(uri.removeprefix("sqlite:///"))
    return path.stat().st_ino if path.is_file() else None


if __name__ == "__main__":
    collect_seldom()
    _Server(Path(sys.argv[1])).serve()
