"""Count the cores that a process may use; end a child process with its parent."""

import os
import signal
from threading import Thread


def cores() -> int:
    """Return how many cores this process may use: all, unless its CPU affinity is limited."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # exists only on Linux
        return os.cpu_count() or 1


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
