"""The journal: what is recorded, kept on disk until MLflow has taken it. Nothing here knows MLflow.

Every recorder appends to a file of its own, `.journal/STORE/TIME.jsonl`, beside MLflow's local
store: which run it is about, then one record a line. A line begins with the CRC-32 of the rest. One
that does not match, torn by a crash or altered, is left out with a warning; those after it count.
Beside the file are copies of the files it names, in folders called by their SHA-256, and a list of
what MLflow has taken. The file is locked while its writer lives, and removed first when all is
delivered: so a kill leaves nothing that would be delivered again, and `tidy` removes the rest.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from pipeline.config.places import home
from pipeline.config.schema import Tracking
from pipeline.system.errors import in_one_line
from pipeline.system.files import create_locked, lock_if_free, remove_unfinished
from pipeline.tracking.addresses import local_store
from pipeline.tracking.recording import learning, records
from pipeline.tracking.recording.openings import Opening
from pipeline.tracking.recording.records import Record

FOLDER = ".journal"
LOCAL = "local"
"""The name of the local store's folder: that store may move, with the project."""


@dataclass(frozen=True)
class Header:
    """The first line of a journal.

    Attributes:
        uri: The store to deliver to.
        settings: Where runs of this project are recorded.
        opening: Which run the records belong to.
        code: What the recorder process must have in common with the writer: see `code_digest`.
    """

    uri: str
    settings: Tracking
    opening: Opening
    code: str


KINDS: dict[str, Any] = {"Header": Header} | {
    kind.__name__: kind
    for module in (records, learning)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Record) and kind is not Record
}


class Journal:
    """A journal that is being written.

    Attributes:
        folder: The folder of its store.
    """

    def __init__(self, header: Header) -> None:
        """Begin a journal.

        Raises:
            OSError: It cannot be written.
        """
        self.folder = store_folder(header.uri)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = self.folder / f"{_now_in(self.folder)}-{os.getpid()}.jsonl"
        self._lock = threading.Lock()
        tidy(self.folder)
        begun = self._path.with_suffix(".new")
        self._file = create_locked(begun)
        try:
            self._taken = _taken_file(self._path).open("a+b", buffering=0)
            self._write(encode(header))
            begun.rename(self._path)
        except OSError:
            os.close(self._file)
            begun.unlink(missing_ok=True)
            raise

    def append(self, record: Record) -> None:
        """Append a record, with copies of the files that it names.

        Raises:
            OSError: The disk is full, or a file cannot be read.
            UnusableError: The record holds values of other types than its fields say.
        """
        line = encode(record.with_copies(_copies(self._path)))
        decode(line[:-1])
        self._write(line)

    def _write(self, line: bytes) -> None:
        """Write a line as a whole or not at all; `os.write` gives it to the system at once."""
        with self._lock:
            before = os.fstat(self._file).st_size
            try:
                if os.write(self._file, line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            except OSError:
                os.ftruncate(self._file, before)
                raise

    def end(self) -> None:
        """Let others see that nothing follows; what was written is on the disk itself."""
        with suppress(OSError):  # a full disk was noticed before
            os.fsync(self._file)
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def taken(self) -> "Taken":
        """Return what MLflow has taken, also after the journal was removed."""
        self._taken.seek(0)
        return Taken.parse(self._taken.read())

    def close(self) -> None:
        """Close the files."""
        self._taken.close()
        os.close(self._file)


@dataclass(frozen=True)
class Taken:
    """What MLflow has taken of a journal, as a file beside it says.

    Attributes:
        tries: How many times the recorder process has set out to open the run.
        run_id: MLflow's id of the run; None before it is known.
        end: The end of the last line taken, in bytes.
        is_finished: Whether the run has been ended.
    """

    tries: int = 0
    run_id: str | None = None
    end: int = 0
    is_finished: bool = False

    @classmethod
    def parse(cls, written: bytes) -> "Taken":
        """Read the file's content; a torn last line does not count."""
        tries, run_id, end, is_finished = 0, None, 0, False
        for line in written.decode(errors="replace").split("\n")[:-1]:
            what, _, value = line.partition(" ")
            if what == "try":
                tries += 1
            elif what == "run":
                run_id = value
            elif what == "over":
                run_id, end, is_finished = None, 0, False
            elif what == "done":
                is_finished = True
            elif value.isdecimal():
                end = int(value)
        return cls(tries, run_id, end, is_finished)

    @classmethod
    def of(cls, journal: Path) -> "Taken":
        """Return what MLflow has taken of a journal."""
        with suppress(FileNotFoundError):
            return cls.parse(_taken_file(journal).read_bytes())
        return cls()


def note_taken(journal: Path, what: str) -> None:
    """Append "try", "run ID", "line END", "done" or "over" to what MLflow has taken."""
    with _taken_file(journal).open("ab", buffering=0) as file:
        file.write(f"{what}\n".encode())


def encode(content: Header | Record) -> bytes:
    """Return the line that holds a header or a record."""
    # Read back, a record begins with its kind; only dataclasses of plain values get here.
    kind = type(content).__name__
    body = json.dumps([kind, asdict(content)], default=_plain, ensure_ascii=False).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _plain(value: Any) -> Any:
    """Return what JSON can hold: of a schema its fields, of a NumPy number the number."""
    if isinstance(value, BaseModel):
        return value.model_dump()
    return value.item() if hasattr(value, "item") else str(value)


class UnusableError(Exception):
    """A journal cannot be delivered, now or later."""


def decode(line: bytes) -> Header | Record | None:
    """Return the content of a line without its end; None if it is damaged.

    Raises:
        UnusableError: It is whole, but of another version of this code.
    """
    checksum, _, body = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    try:
        kind, values = json.loads(body)
        content: Header | Record = _schema(kind).validate_python(values)
    except (ValueError, LookupError, TypeError, ValidationError) as error:
        raise UnusableError(f"no record of this version: {in_one_line(error, 200)}") from error
    return content


@lru_cache
def _schema(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(KINDS[kind])


def lines(journal: Path, start: int) -> Iterator[tuple[Header | Record | None, int]]:
    """Yield the content and the end of each whole line from a place in bytes on."""
    with journal.open("rb") as file:
        file.seek(start)
        for line in file:
            if line.endswith(b"\n"):
                start += len(line)
                yield decode(line[:-1]), start


def header_of(journal: Path) -> Header | None:
    """Return a journal's header; None if it is damaged, or the journal has just been removed."""
    with suppress(FileNotFoundError, UnusableError):
        first, _ = next(lines(journal, 0), (None, 0))
        return first if isinstance(first, Header) else None
    return None


def is_abandoned(journal: Path) -> bool:
    """Return whether a journal's writer has ended it or is dead, or it was removed since."""
    with suppress(FileNotFoundError), lock_if_free(journal) as is_locked:
        return is_locked
    return True


def remove(journal: Path) -> None:
    """Remove a journal that is delivered, and what is beside it."""
    journal.unlink(missing_ok=True)
    _taken_file(journal).unlink(missing_ok=True)  # the writer has it open
    shutil.rmtree(_copies(journal), ignore_errors=True)


def tidy(folder: Path) -> None:
    """Remove what killed processes left in a store's folder; no record is in it."""
    for begun in folder.glob("*.new"):
        with suppress(FileNotFoundError), lock_if_free(begun) as is_locked:
            if is_locked:
                begun.unlink()
    for beside in [*folder.glob("*.taken"), *folder.glob("*.files")]:
        # In the order in which a journal is renamed, so that it cannot be overlooked.
        if not any(beside.with_suffix(kind).exists() for kind in (".new", ".jsonl", ".damaged")):
            remove(beside.with_suffix(".jsonl"))
    remove_unfinished(folder)


def set_aside(journal: Path) -> Path:
    """Rename a journal that cannot be delivered; return its new path."""
    return journal.rename(journal.with_suffix(".damaged"))


def journals(folder: Path) -> list[Path]:
    """Return a store's journals, the oldest first; the recorder process looks all the time."""
    with suppress(FileNotFoundError), os.scandir(folder) as files:
        return sorted(Path(file) for file in files if file.name.endswith(".jsonl"))
    return []


def _now_in(folder: Path) -> int:
    """Return the time in nanoseconds, later than any journal's even if the clock was put back."""
    return max([time.time_ns(), *(began(each) + 1 for each in journals(folder))])


def began(journal: Path) -> int:
    """Return when a journal was begun, in nanoseconds since 1970."""
    return int(journal.stem.partition("-")[0])


def store_folder(uri: str) -> Path:
    """Return the folder of a store's journals."""
    name = LOCAL if uri == local_store() else hashlib.sha256(uri.encode()).hexdigest()[:16]
    return home() / FOLDER / name


def _copies(journal: Path) -> Path:
    return journal.with_suffix(".files")


def _taken_file(journal: Path) -> Path:
    return journal.with_suffix(".taken")


def copied_file(journal: Path, name: str) -> Path:
    """Return a copied file, `SHA-256/NAME`.

    Raises:
        ValueError: It is not there, or not as it was.
    """
    path = _copies(journal) / name
    with suppress(OSError), path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() == path.parent.name:
            return path
    raise ValueError(f"{path.name} in the journal is damaged")


def count_waiting(journal: Path) -> int:
    """Return how many lines of a journal MLflow has not taken."""
    with suppress(FileNotFoundError), closing(journal.open("rb")) as file:
        file.seek(Taken.of(journal).end)
        return file.read().count(b"\n")
    return 0
