"""Count the cores that a process may use; tell living processes from others."""

import os
import signal
from threading import Thread


def cores() -> int:
    """Return how many cores this process may use: all, unless its CPU affinity is limited."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # exists only on Linux
        return os.cpu_count() or 1


def is_running(pid: int) -> bool:
    """Return whether a process runs: one that has ended does not, though nobody has collected it.

    In a container, often nobody does.
    """
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def end_with_parent() -> None:
    """Ignore Ctrl-C, which the parent handles, and exit when the parent ends, even if killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_exit_after_parent, daemon=True).start()


def _exit_after_parent() -> None:
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
