"""Kill code of this process at a chosen step: from then on, none of it reaches the disk."""

import os
import sys
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path

STEPS = {
    "open", "fcntl.flock", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate",
    "shutil.rmtree",
}  # fmt: skip
LOCKED = (".jsonl", ".new")


class Killed(BaseException):
    """Ends the code; not even `except Exception` stops it."""


class Kill:
    """Raises at the n-th operation on files of a folder, and at all after that.

    Attributes:
        folder: The folder; None while nothing is killed.
        left: The number of operations that are allowed before.
        struck: Whether it came so far.
    """

    def __init__(self):
        self.folder, self.left, self.struck = None, 0, False
        self._write = os.write
        sys.addaudithook(self._look)  # for ever: Python cannot remove it

    def _look(self, event, arguments):
        if self.folder and event in STEPS and self._is_there(event, arguments):
            self._count()

    def _is_there(self, event, arguments):
        # Within `shutil.rmtree`, names are relative to an open folder.
        return "flock" in event or arguments[-1] != -1 or self.folder in str(arguments[0])

    def _count(self):
        self.left -= 1
        self.struck = self.left < 0
        if self.struck:
            raise Killed

    def write(self, file, content):
        """Write what is given, or half of it."""
        try:
            self._count()
        except Killed:
            self._write(file, content[: len(content) // 2])
            raise
        return self._write(file, content)


KILL = Kill()


@contextmanager
def killed_after(steps, folder, monkeypatch):
    """Kill the block after so many operations on files of a folder; yield what knows if it was.

    As after a real kill, no cleaning up has an effect, and the system releases the locks.
    """
    KILL.left, KILL.struck, KILL.folder = steps, False, str(folder)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", KILL.write)
            yield KILL
    except Killed as killed:
        traceback.clear_frames(killed.__traceback__)
    finally:
        KILL.folder = None
    if KILL.struck:
        _close_all(str(folder))


def _close_all(folder):
    """Close the locked files that no object of Python's would close."""
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            name = str(link.readlink()).removesuffix(" (deleted)")
            if name.startswith(folder) and name.endswith(LOCKED):
                os.close(int(link.name))
