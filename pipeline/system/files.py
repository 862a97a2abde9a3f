"""Write files atomically; reserve folders for one process at a time."""

import csv
import errno
import fcntl
import glob
import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from pipeline.system.errors import InputError
from pipeline.system.machine import is_running

MOST_UNPACKED = 1 << 30  # bytes; MNIST has 55 million
MOST_RATIO = 20  # between unpacked and packed size, above that
# Spreadsheets calculate a cell that begins with one of these, or skip it and look at the next.
FORMULA_BEGINS = (*"=+-@＝＋－＠", "\t", "\r", "\n")
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_together: ContextVar[list[tuple[Path, Path]] | None] = ContextVar("_together", default=None)
"""The temporary files that wait for the end of a `replace_together`, each with its place."""


@contextmanager
def name_file_in_errors(path: Path) -> Iterator[None]:
    """Add the file's name to an OSError of the block that reports a full disk without naming it."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def replace_when_written(path: Path, part: Path | None = None) -> Iterator[Path]:
    """Yield a temporary path; move the file to `path` if the block succeeds.

    Args:
        path: Its place, from then on.
        part: The temporary path, where an unfinished file then stays; None makes up one beside
            `path`, and leaves nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = part or _temporary(path)
    try:
        with name_file_in_errors(path):
            yield temporary
        temporary.chmod(0o644)
        if (waiting := _together.get()) is None:
            _replace(path, temporary)
        else:
            waiting.append((temporary, path))
    except BaseException:
        if part is None:
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def replace_together(last: Path) -> Iterator[None]:
    """Replace all files that the block writes at its end; keep the old ones if it fails.

    `last`, one of them, is removed first and comes last. So where it is, the others belong to it,
    even if this process is killed.
    """
    waiting: list[tuple[Path, Path]] = []
    outside = _together.set(waiting)
    try:
        yield
        last.unlink(missing_ok=True)
        for temporary, path in sorted(waiting, key=lambda each: each[1] == last):
            _replace(path, temporary)
    finally:
        _together.reset(outside)
        for temporary, _ in waiting:
            temporary.unlink(missing_ok=True)


def copy_file(source: Path, path: Path) -> None:
    """Copy a file to a place where a half-written one never lies."""
    with replace_when_written(path) as temporary:
        shutil.copyfile(source, temporary)


def _temporary(path: Path) -> Path:
    """Make an empty file beside another, named after this process; remove those of killed ones."""
    remove_unfinished(path.parent, glob.escape(path.stem), glob.escape(path.suffix))
    prefix = f".{path.stem}-{os.getpid()}-"
    with _named(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=path.suffix)
    os.close(handle)
    return Path(name)


def remove_unfinished(folder: Path, stem: str = "*", suffix: str = "") -> None:
    """Remove the temporary files that killed processes left in a folder.

    Args:
        folder: Where they lie.
        stem: A pattern for the names of the files that they were to become, without the suffix.
        suffix: The suffix; none stands for any.
    """
    for left in folder.glob(f".{stem}-*{suffix}"):
        owner = re.search(r"-(\d+)-[a-z0-9_]{8}(\..*)?$", left.name)
        with suppress(OSError):
            if owner and not is_running(int(owner[1])):
                left.unlink()


def _replace(path: Path, temporary: Path) -> None:
    with _named(path):
        temporary.replace(path)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name a file in an OSError instead of its temporary one, which the user does not know."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def reserve_folder(folder: Path) -> Iterator[bool]:
    """Reserve a folder for the block; yield False if another process has reserved it."""
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
def reserve_state_folder(folder: Path) -> Iterator[Path | None]:
    """Reserve a folder for state that is kept if the block fails and removed if it succeeds.

    Yield None if another process has reserved it: the two would overwrite each other's state.
    """
    with reserve_folder(folder) as alone:
        yield folder if alone else None
        if alone:
            shutil.rmtree(folder, ignore_errors=True)


def create_locked(path: Path) -> int:
    """Create a file and lock it; return its descriptor."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file).st_nlink:
            return file
        os.close(file)  # it was removed before it was locked


@contextmanager
def lock_if_free(path: Path) -> Iterator[bool]:
    """Lock a file for the block; yield False if another process has it locked."""
    with path.open("r+b") as file:  # NFS needs "+"
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def typed_path(name: str) -> Path:
    """Return a path as it was typed, where "~" is the home folder.

    Unlike `Path.expanduser`, it leaves "~nobody" as it is: whoever opens that says it is missing.
    """
    return Path(os.path.expanduser(name))  # noqa: PTH111


def is_there(name: str) -> bool:
    """Return whether there is a file or folder by a name as typed; `Path` raises for long ones."""
    return os.path.exists(typed_path(name))  # noqa: PTH110


def path_for_table(name: str) -> str:
    """Return a relative path as a cell of a table: no spreadsheet takes it for a formula.

    A name such as "=1+1.png" becomes "./=1+1.png", which is the same file.
    """
    return f"./{name}" if name.startswith(FORMULA_BEGINS) else name


def refuse_bomb(archive: Path) -> None:
    """Refuse a zip archive, such as an .npz or a .keras file, that would fill the memory.

    Raises:
        InputError: It unpacks to more than MOST_UNPACKED and to much more than its own size.
        BadZipFile: It is no zip archive.
    """
    with zipfile.ZipFile(archive) as content:
        unpacked = sum(member.file_size for member in content.infolist())
    if unpacked > max(MOST_UNPACKED, MOST_RATIO * archive.stat().st_size):
        raise InputError(f"{archive}: would unpack to {unpacked:,} bytes; fetch it again")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with replace_when_written(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file, indented."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file with a header line."""
    with (
        replace_when_written(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
