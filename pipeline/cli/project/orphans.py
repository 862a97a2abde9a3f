"""End a stage whose DVC was killed: nobody would wait for it, and it would keep all others out.

As it ends, it removes the locks that DVC could not give back.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Thread

import psutil

from pipeline.cli.project.leftovers import clear_locks, holders, is_dvc
from pipeline.system.errors import InputError

CALLER = "DIGITS_CALLER"
"""Environment variable with the process id of the command that runs DVC."""
GONE = "the command that runs this stage was killed"
INTERVAL = 0.5
"""Seconds between two looks."""


def parent_dvc() -> psutil.Process | None:
    """Return the DVC process that runs this stage; None if it is unknown."""
    with suppress(psutil.Error):
        return next((each for each in psutil.Process().parents() if is_dvc(each)), None)
    return None


@contextmanager
def ended_with_dvc() -> Iterator[None]:
    """End this process once DVC, or the command that runs DVC, is gone while the block runs.

    DVC ends as well if the stage fails, and gives its locks back; a killed one cannot.

    Raises:
        InputError: The command is gone already.
    """
    callers = [parent_dvc()]
    if callers == [None] and _has_lost_dvc():
        _clear_locks()
        raise InputError(GONE)
    if caller := os.environ.get(CALLER):
        try:
            callers.append(psutil.Process(int(caller)))
        except psutil.NoSuchProcess as error:
            raise InputError(GONE) from error
    parent, watched = os.getppid(), [each for each in callers if each]
    Thread(target=_end_without, args=(parent, watched), daemon=True).start()
    try:
        yield
    finally:
        if not all(map(_is_running, watched)):
            _clear_locks()


def _has_lost_dvc() -> bool:
    """Return whether DVC, which holds locks while a stage runs, was killed before this looked."""
    with suppress(OSError, ValueError, psutil.Error):
        pids = holders()
        return bool(pids) and not pids & {each.pid for each in psutil.Process().parents()}
    return False


def _end_without(parent: int, callers: Sequence[psutil.Process]) -> None:
    while os.getppid() == parent and all(_is_running(each) for each in callers):
        time.sleep(INTERVAL)
    _clear_locks()
    with suppress(OSError):  # its terminal may be gone as well
        print(f"error: {GONE}", file=sys.stderr, flush=True)
    os._exit(1)


def _clear_locks() -> None:
    """Remove the locks of a killed DVC: DVC takes one that nobody has collected for living."""
    with suppress(Exception):  # the stage ends in any case
        clear_locks()


def _is_running(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and bool(process.status() != psutil.STATUS_ZOMBIE)
    return False
