"""The recorder process: it imports MLflow once and writes the runs of all stages.

It ends when no stage has been connected for a while.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from pipeline.system.errors import InputError, type_and_message
from pipeline.system.garbage import collect_garbage_less_often
from pipeline.tracking.addresses import local_store, sqlite_file, without_password
from pipeline.tracking.recording.messages import Answer, Open, WholeRun
from pipeline.tracking.recording.records import Record
from pipeline.tracking.recording.run_writer import RunWriter
from pipeline.tracking.store import LOCKED, open_store

if TYPE_CHECKING:
    from mlflow import MlflowClient

# Not `__name__`: this file runs as `__main__`.
log = logging.getLogger("pipeline.tracking.recording.server")

IDLE_SECONDS = 20.0
LONGEST_ERROR = 300  # characters
LOCK_PATIENCE = 120.0
"""Seconds to wait while another program holds the database."""
WAITING = f"another program holds MLflow's database; waiting up to {LOCK_PATIENCE:.0f} s for it"

Result = TypeVar("Result")


class PendingWarnings(logging.Handler):
    """Keeps warnings for the next stage that gets an answer."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message of a warning."""
        self._messages.append(record.getMessage())

    def take(self) -> tuple[str, ...]:
        """Return the kept messages and forget them."""
        taken, self._messages = self._messages, []
        return tuple(taken)


class Stores:
    """The stores opened so far, each kept open."""

    def __init__(self) -> None:
        self._clients: dict[str, MlflowClient] = {}
        self._inodes: dict[str, int | None] = {}
        self._refused: dict[str, InputError] = {}

    def open_run(self, request: Open) -> RunWriter:
        """Open a run, in the local store if the one requested cannot be used."""
        try:
            return self._open_run(request)
        except Exception as refused:
            here = local_store()
            if request.uri == here:
                raise
            place = "" if isinstance(refused, InputError) else f"{without_password(request.uri)}: "
            log.warning("%s%s; recording this run in %s instead", place, _in_words(refused), here)
            return self._open_run(replace(request, uri=here))

    def _open_run(self, request: Open) -> RunWriter:
        """Open a run; open its store if it is not open yet."""
        key = f"{request.uri} {request.settings.experiment}"
        if key not in self._clients:
            self._clients[key] = self._open(request)
            self._inodes[request.uri] = _inode(request.uri)
        return RunWriter(self._clients[key], request.settings, request.opening)

    def _open(self, request: Open) -> "MlflowClient":
        """Open a store; one that was refused is not tried again, as that may take long."""
        if request.uri in self._refused:
            raise self._refused[request.uri]
        try:
            return open_store(request.uri, request.settings)
        except InputError as refused:
            if request.uri != local_store():
                self._refused[request.uri] = refused
            raise

    def is_replaced(self, uri: str) -> bool:
        """Return whether a store's file is no longer the one that MLflow has open."""
        return self._inodes.setdefault(uri, _inode(uri)) != _inode(uri)


class Server:
    """Answers stages: one thread for each connection, one write at a time."""

    def __init__(self, socket: Path) -> None:
        """Prepare to listen on a socket."""
        self._socket = socket
        self._stores = Stores()
        self._write_lock = threading.Lock()
        self._warnings = PendingWarnings()
        self._patience = LOCK_PATIENCE
        self._connections_lock = threading.Lock()
        self._connections = 0
        self._idle_since = time.monotonic()
        logging.getLogger("pipeline").addHandler(self._warnings)

    def serve(self) -> NoReturn:
        """Answer stages until none has been connected for a while, then end the process."""
        self._socket.unlink(missing_ok=True)
        listener = Listener(str(self._socket), "AF_UNIX", backlog=64)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        import mlflow  # noqa: F401  # as early as possible: the first stage is already running

        while self._connections or time.monotonic() - self._idle_since < IDLE_SECONDS:
            time.sleep(0.5)
        self._end()

    def _end(self) -> NoReturn:
        # Remove the socket first, so that a stage that loses its connection does not reconnect to
        # it.
        self._socket.unlink(missing_ok=True)
        os._exit(0)

    def _accept(self, listener: Listener) -> None:
        while True:
            connection = listener.accept()
            with self._connections_lock:
                self._connections += 1
            threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: Connection) -> None:
        try:
            self._serve_stage(connection)
        finally:  # whatever it sent, it must not keep this process alive
            with self._connections_lock:
                self._idle_since = time.monotonic()
                self._connections -= 1

    def _serve_stage(self, connection: Connection) -> None:
        """Handle a stage's messages until it closes the connection, as a killed stage does, too."""
        with connection, suppress(EOFError, OSError):
            first = connection.recv()
            if isinstance(first, WholeRun):
                self._write_whole(connection, first)
            else:
                self._write_live(connection, first)

    def _write_live(self, connection: Connection, request: Open) -> None:
        """Open a run and write each record to it as it comes."""
        run, answer = self._open(request, connection)
        try:
            connection.send(answer)
            while run:
                connection.send(self._write(connection.recv(), run, connection))
        finally:
            if run:
                with self._write_lock, suppress(Exception):
                    run.abandon()

    def _open(self, request: Open, stage: Connection) -> tuple[RunWriter | None, Answer]:
        with self._write_lock:
            self._end_if_replaced(request.uri)
            try:
                run = self._once_unlocked(lambda: self._stores.open_run(request), stage)
            except Exception as refused:
                return None, Answer(error=_in_words(refused), warnings=self._warnings.take())
            return run, Answer(run.id, warnings=self._warnings.take())

    def _write(self, record: Record, run: RunWriter, stage: Connection) -> Answer:
        with self._write_lock:
            error = None
            try:
                self._once_unlocked(lambda: record.write(run), stage)
            except Exception as refused:
                error = _in_words(refused)
            return Answer(run.id, error, self._warnings.take())

    def _once_unlocked(self, write: Callable[[], Result], stage: Connection | None) -> Result:
        """Try until no other program holds the database, and tell the stage why it has to wait.

        After the time for one wait has passed in vain, there is none until it succeeds again.
        """
        until = time.monotonic() + self._patience
        while True:
            try:
                written = write()
            except Exception as refused:
                if LOCKED not in str(refused):
                    raise
                if time.monotonic() > until:
                    self._patience = 0.0
                    raise
                if stage:
                    stage.send(Answer(warnings=(WAITING,), is_final=False))
                    stage = None
                time.sleep(1)
            else:
                self._patience = LOCK_PATIENCE
                return written

    def _write_whole(self, connection: Connection, whole: WholeRun) -> None:
        """Write a whole run before anything that other stages send from now on."""
        with self._write_lock:
            self._end_if_replaced(whole.open.uri)
            connection.send(Answer())
            try:
                run = self._once_unlocked(lambda: self._stores.open_run(whole.open), None)
            except Exception as refused:
                _warn("could not record an earlier stage", refused)
                return
            for record in whole.records:
                try:
                    self._once_unlocked(partial(record.write, run), None)
                except Exception as refused:
                    _warn(f"could not record the {record.label} of an earlier stage", refused)

    def _end_if_replaced(self, uri: str) -> None:
        if self._stores.is_replaced(uri):
            self._end()  # the stage reconnects to a new process, which opens the new file


def _warn(what: str, refused: Exception) -> None:
    """Leave a warning for the next stage that records something."""
    log.warning("MLflow %s (%s)", what, _in_words(refused))


def _in_words(refused: Exception) -> str:
    """Return why something was refused, in one line."""
    if isinstance(refused, InputError):
        return str(refused)
    return type_and_message(refused, LONGEST_ERROR)


def _inode(uri: str) -> int | None:
    """Return the inode of a SQLite file, which changes if it is replaced; None for no file."""
    path = sqlite_file(uri)
    return path.stat().st_ino if path and path.is_file() else None


if __name__ == "__main__":
    collect_garbage_less_often()
    Server(Path(sys.argv[1])).serve()
