"""The recorder process of a store: it imports MLflow once, and delivers the journals of all stages.

It ends when nothing has been written for a while, or nothing can be delivered.
"""

import fcntl
import logging
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.system.errors import InputError
from pipeline.system.garbage import collect_garbage_less_often
from pipeline.tracking.addresses import sqlite_file, unreachable_reason, without_password
from pipeline.tracking.errors import is_forbidden
from pipeline.tracking.recording import notices
from pipeline.tracking.recording.delivery import Delivery, give_up, in_words
from pipeline.tracking.recording.journal import (
    Header,
    UnusableError,
    began,
    header_of,
    is_abandoned,
    journals,
    tidy,
)
from pipeline.tracking.recording.starting import WANTED, code_digest
from pipeline.tracking.store import open_store

if TYPE_CHECKING:
    from mlflow import MlflowClient

POLL_INTERVAL, LAZY_INTERVAL = 0.05, 0.2
"""Seconds between two looks, while something comes and while nothing does."""
IDLE_SECONDS = 20.0
"""How long the process waits for another journal, since it takes seconds to start."""
GIVE_UP_SECONDS = 60.0
"""How long it tries to deliver journals that nobody writes any more."""
LONGEST_PAUSE = 5.0
"""Seconds between two tries while a store fails; the first pauses are shorter."""
LENIENT_SECONDS = 10.0
"""How long a store that answers may fail, as a locked database does, before anyone is told."""


class Notes(logging.Handler):
    """Leaves warnings for whoever records something next."""

    def __init__(self, folder: Path) -> None:
        super().__init__(logging.WARNING)
        self._folder = folder

    def emit(self, record: logging.LogRecord) -> None:
        """Leave the message of a warning."""
        notices.note(self._folder, record.getMessage())


class Server:
    """Delivers the journals in a store's folder, in the order in which they were begun."""

    def __init__(self, folder: Path, lock: int) -> None:
        """Prepare to deliver what is in a folder, whose lock this process has inherited."""
        self._folder = folder
        (folder / WANTED).unlink(missing_ok=True)
        tidy(folder)
        self._lock = lock
        self._started = time.time_ns()
        self._deliveries: dict[Path, Delivery] = {}
        self._clients: dict[str, MlflowClient] = {}
        self._inodes: dict[str, int | None] = {}
        self._known: dict[str, str] = {}
        self._needed_at = self._busy_at = time.monotonic()
        self._failing_since: float | None = None
        self._pause = POLL_INTERVAL

    def serve(self) -> None:
        """Deliver until nothing more comes, or a newer stage needs a process of its own."""
        while not self._is_outdated():
            error = self._deliver()
            if self._is_outdated():
                break
            self._judge(error)
            if not self._is_needed():
                break
            self._rest()

    def _rest(self) -> None:
        """Wait until the next try; a command asks for it by `notices.clear_failing`."""
        until = time.monotonic() + self._pause
        was_told = self._failing_since and notices.failing(self._folder)
        time.sleep(POLL_INTERVAL)
        while time.monotonic() < until and (not was_told or notices.failing(self._folder)):
            time.sleep(POLL_INTERVAL)

    def _is_outdated(self) -> bool:
        """Return whether a stage with other code or settings has begun, or asks for delivery."""
        with suppress(FileNotFoundError):
            if (self._folder / WANTED).read_text(encoding="utf-8") != code_digest():
                return True
        new = [each for each in journals(self._folder) if each not in self._deliveries]
        headers = [header_of(each) for each in new if began(each) > self._started]
        return any(header is not None and header.code != code_digest() for header in headers)

    def _deliver(self) -> Exception | None:
        """Deliver what has been written since; return why that failed, if it did.

        A run that MLflow fails to record does not hold up the others, unless they belong to it.
        """
        failed: set[str] = set()
        error = None
        for path in journals(self._folder):
            try:
                delivery = self._deliveries.get(path) or Delivery(path)
            except UnusableError as unusable:
                give_up(path, unusable)
                continue
            self._deliveries[path] = delivery
            if not failed.isdisjoint(delivery.ids):
                continue
            try:
                self._expect_same_file(delivery.uri)
                self._expect_answer(delivery.uri)
                before = delivery.end
                if delivery.advance(self._open, self._known):
                    del self._deliveries[path]
                if delivery.end > before:
                    self._busy_at = time.monotonic()
            except UnusableError as unusable:
                del self._deliveries[path]
                give_up(path, unusable)
            except Exception as temporary:
                failed |= delivery.ids
                error = self._explained(temporary, delivery.uri)
                if isinstance(error, InputError):
                    break
        return error

    def _expect_answer(self, uri: str) -> None:
        """Raise an InputError if a store is silent, unless it has just answered."""
        if (self._failing_since or not self._clients) and (silent := silence(uri)):
            raise InputError(silent)

    def _explained(self, error: Exception, uri: str) -> Exception:
        """Return in words, with its place, why a store takes nothing, or not this."""
        if isinstance(error, InputError):
            return error
        if silent := silence(uri):
            return InputError(silent)
        kind = PermissionError if is_forbidden(error) else RuntimeError
        return kind(f"{without_password(uri)}: {in_words(error)}")

    def _open(self, header: Header, uri: str) -> "MlflowClient":
        """Return a client of a store, kept open.

        Raises:
            InputError: The store does not answer, or cannot be opened.
        """
        key = f"{uri} {header.settings.experiment}"
        if key not in self._clients:
            self._clients[key] = open_store(uri, header.settings)
            self._inodes[uri] = _inode(uri)
        return self._clients[key]

    def _expect_same_file(self, uri: str) -> None:
        """Replace this process by one like it if MLflow has a file open that was replaced."""
        if uri in self._inodes and self._inodes[uri] != _inode(uri):
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])

    def _judge(self, error: Exception | None) -> None:
        """Decide when to try again, and whether to say that the store fails."""
        now = time.monotonic()
        if error is None:
            if self._failing_since:
                notices.clear_failing(self._folder)
            self._failing_since = None
            self._pause = POLL_INTERVAL if now < self._busy_at + 1 else LAZY_INTERVAL
            return
        self._failing_since = self._failing_since or now
        self._pause = min(LONGEST_PAUSE, 2 * self._pause)
        at_once = isinstance(error, InputError | PermissionError)
        if at_once or now - self._failing_since > LENIENT_SECONDS:
            notices.mark_failing(self._folder, str(error))

    def _is_needed(self) -> bool:
        """Return whether to go on; if not, the lock is given up."""
        now, there = time.monotonic(), journals(self._folder)
        if any(self._failing_since is None or not is_abandoned(each) for each in there):
            self._needed_at = now
        if now - self._needed_at < (GIVE_UP_SECONDS if self._failing_since else IDLE_SECONDS):
            return True
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        if set(journals(self._folder)) <= set(there):
            return False
        try:  # a stage has begun before it could see that this process ends
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def silence(uri: str) -> str | None:
    """Return in words that a store does not answer; None if it does."""
    why = unreachable_reason(uri)
    return f"the MLflow server at {without_password(uri)} does not answer ({why})" if why else None


def _inode(uri: str) -> int | None:
    """Return the inode of a SQLite file, which changes if it is replaced; None for no file."""
    path = sqlite_file(uri)
    return path.stat().st_ino if path and path.is_file() else None


def main(folder: Path, lock: int) -> None:
    """Deliver; whatever ends this process is told to those that wait for it."""
    collect_garbage_less_often()
    code_digest()  # now, as the files may change
    # MLflow would repeat a request whose answer was lost, and so create a run twice.
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    logging.getLogger("pipeline").addHandler(Notes(folder))
    try:
        Server(folder, lock).serve()
    except Exception as error:
        notices.mark_failing(folder, f"the recorder process failed ({in_words(error)})")
        raise


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
