"""The recorder process: it alone imports MLflow, and writes for all stages."""

import logging
import os
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pipeline.config.schema import Tracking
from pipeline.system.errors import kind_and_words
from pipeline.system.garbage import collect_seldom
from pipeline.tracking.recording.openings import Opening
from pipeline.tracking.recording.run_writer import Recording
from pipeline.tracking.store import open_store

if TYPE_CHECKING:
    from mlflow import MlflowClient

IDLE_SECONDS = 20.0


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
