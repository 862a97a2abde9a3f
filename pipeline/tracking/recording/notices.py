"""What the recorder process has to say, in files beside the journals, and what still waits there.

`failing` says why a store takes nothing, as long as it does; a `.note` is a warning for whoever
records something next.
"""

import logging
import os
import time
import uuid
from contextlib import suppress
from pathlib import Path

from pipeline.config.places import home
from pipeline.system.files import write_text
from pipeline.tracking.addresses import without_password
from pipeline.tracking.recording.journal import FOLDER, Taken, count_waiting, header_of, journals

log = logging.getLogger(__name__)

SYNC = "`digits sync`"
FAILING, TOLD = "failing", "told"


def note(folder: Path, text: str) -> None:
    """Leave a warning for whoever records something next."""
    write_text(folder / f"{time.time_ns()}-{uuid.uuid4().hex[:8]}.note", text)


def mark_failing(folder: Path, reason: str) -> None:
    """Say why a store takes nothing."""
    write_text(folder / FAILING, reason)


def clear_failing(folder: Path) -> None:
    """Say that a store takes records, or is about to be tried again."""
    (folder / FAILING).unlink(missing_ok=True)


def failing(folder: Path) -> str | None:
    """Return why a store takes nothing; None if it does, or nobody has tried."""
    with suppress(FileNotFoundError):
        return (folder / FAILING).read_text(encoding="utf-8")
    return None


def tell(folder: Path) -> None:
    """Log the notes that nobody has logged, and once for each command that a store fails."""
    reason = failing(folder)
    # All stages of a command belong to one group of processes.
    if reason and _read(folder / TOLD) != str(os.getpgid(0)):
        write_text(folder / TOLD, str(os.getpgid(0)))
        log.warning(
            "%s; what is recorded waits in %s until it answers: the next command delivers it, "
            "and so does %s", reason, FOLDER, SYNC,
        )  # fmt: skip
    for each in sorted(folder.glob("[!.]*.note")):
        with suppress(FileNotFoundError):  # another process was faster
            text = each.read_text(encoding="utf-8")
            each.unlink()
            log.warning(text)


def _read(file: Path) -> str:
    with suppress(OSError):
        return file.read_text(encoding="utf-8")
    return ""


def store_folders() -> list[Path]:
    """Return the folders of all stores that something waits for."""
    folders = sorted((home() / FOLDER).glob("*/"))
    return [folder for folder in folders if journals(folder)]


def waiting() -> list[str]:
    """Return a line for each store that something waits for."""
    lines = []
    for folder in store_folders():
        counts = {each: count for each in journals(folder) if (count := count_waiting(each))}
        known = [header for each in counts if (header := header_of(each))]
        if not known:
            continue
        records, runs = sum(counts.values()), len({header.opening.run_id for header in known})
        lines.append(
            f"{_counted(records, 'record')} of {_counted(runs, 'run')} "
            f"{'waits' if records == 1 else 'wait'} for {without_password(known[0].uri)}; "
            f"{SYNC} delivers {'it' if records == 1 else 'them'}"
        )
    return lines


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def is_waiting(folder: Path, run_id: str) -> bool:
    """Return whether records of a run wait in a store's folder, by MLflow's id or ours."""
    headers = {each: header_of(each) for each in journals(folder)}
    return any(
        header is not None and run_id in (header.opening.run_id, Taken.of(each).run_id)
        for each, header in headers.items()
    )
