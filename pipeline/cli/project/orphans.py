"""End a stage whose DVC was killed: nobody would wait for it, and it would keep all others out."""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread

import psutil

from pipeline.system.errors import InputError

CALLER = "DIGITS_CALLER"
"""Environment variable with the process id of the command that runs DVC."""
GONE = "the command that runs this stage was killed"
INTERVAL = 0.5
"""Seconds between two looks."""


def is_dvc(process: psutil.Process) -> bool:
    """Return whether a process runs DVC."""
    with suppress(psutil.Error):
        return any("dvc" in word for word in process.cmdline())
    return False


def parent_dvc() -> psutil.Process | None:
    """Return the DVC process that runs this stage; None if it is unknown."""
    with suppress(psutil.Error):
        return next((each for each in psutil.Process().parents() if is_dvc(each)), None)
    return None


def end_with_dvc() -> None:
    """End this process once DVC, or the command that runs DVC, is gone.

    DVC ends as well if the stage fails, and gives its locks back.

    Raises:
        InputError: The command is gone already.
    """
    callers = [parent_dvc()]
    if caller := os.environ.get(CALLER):
        try:
            callers.append(psutil.Process(int(caller)))
        except psutil.NoSuchProcess as error:
            raise InputError(GONE) from error
    parent, watched = os.getppid(), [each for each in callers if each]
    Thread(target=_end_without, args=(parent, watched), daemon=True).start()


def _end_without(parent: int, callers: Sequence[psutil.Process]) -> None:
    while os.getppid() == parent and all(_is_running(each) for each in callers):
        time.sleep(INTERVAL)
    with suppress(OSError):  # its terminal may be gone as well
        print(f"error: {GONE}", file=sys.stderr, flush=True)
    os._exit(1)


def _is_running(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and bool(process.status() != psutil.STATUS_ZOMBIE)
    return False
