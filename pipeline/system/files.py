"""Files that are either whole or not there, and folders that one process at a time writes to."""

import csv
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replace_when_written(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file for people and programs."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file with a header line."""
    with replace_when_written(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
