"""Files that are either whole or not there, and folders that one process at a time writes to."""

import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

if TYPE_CHECKING:
    from http.client import HTTPResponse

# How long a server may take to begin its answer, and then may fall silent in between, in seconds.
FIRST_BYTES_WITHIN = 12.0
SILENCE_WITHIN = 10.0


@contextmanager
def named_in_errors(path: Path) -> Iterator[None]:
    """Let an OSError of the block say which file does not fit: a full disk does not."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def replace_when_written(path: Path) -> Iterator[Path]:
    """Offer a temporary path beside `path` that takes its place when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        with named_in_errors(path):
            yield temporary
        temporary.chmod(0o644)
        _replace(path, temporary)
    finally:
        temporary.unlink(missing_ok=True)


def _replace(path: Path, temporary: Path) -> None:
    try:
        temporary.replace(path)
    except OSError as error:  # of the temporary file, which means nothing to the user
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def sole_user(folder: Path) -> Iterator[bool]:
    """Make a folder this block's alone; False while another process is in such a block with it."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock", blocking=False)
    with suppress(Timeout):
        lock.acquire()
    try:
        yield lock.is_locked
    finally:
        lock.release()


@contextmanager
def own_folder(folder: Path) -> Iterator[Path | None]:
    """Offer a folder for state that is kept if the block fails and removed when it ends well.

    None while another process is in such a block: the two would spoil each other's state.
    """
    with sole_user(folder) as alone:
        yield folder if alone else None
        if alone:
            shutil.rmtree(folder, ignore_errors=True)


def download(url: str, path: Path) -> None:
    """Fetch a file; on any failure nothing is left at `path`.

    Raises:
        OSError: The server cannot be reached, refuses, or does not answer in time (`TimeoutError`).
    """
    import urllib.request
    from http.client import HTTPException

    answering = threading.Event()
    begun = threading.Lock()  # taken once: by the answer, or by giving up on it
    failures: list[OSError] = []

    def fetch() -> None:
        try:
            with urllib.request.urlopen(url, timeout=SILENCE_WITHIN) as answer:
                if begun.acquire(blocking=False):
                    answering.set()
                    _save(answer, path)
        except (OSError, HTTPException) as error:
            failures.append(error if isinstance(error, OSError) else OSError(str(error)))
        finally:
            answering.set()

    # A thread, because no time-out of urllib's covers a name server that does not answer.
    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    if not answering.wait(FIRST_BYTES_WITHIN) and begun.acquire(blocking=False):
        raise TimeoutError(f"no answer within {FIRST_BYTES_WITHIN:.0f} s")
    thread.join()
    if failures:
        raise failures[0]


def _save(answer: "HTTPResponse", path: Path) -> None:
    with replace_when_written(path) as temporary, temporary.open("wb") as file:
        shutil.copyfileobj(answer, file)
        # A connection that breaks off looks like the end of the file.
        expected = answer.headers.get("Content-Length")
        if expected and file.tell() != int(expected):
            raise OSError(f"incomplete: {file.tell()} of {expected} bytes came")
