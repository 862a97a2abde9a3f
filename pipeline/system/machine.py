"""What this process may use of the machine, and whom it serves."""

import os
import signal
from threading import Thread


def cores() -> int:
    """Say how many cores this process may use: fewer than there are, if it is bound to some."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux tells
        return os.cpu_count() or 1


def serve_parent() -> None:
    """Let the process that started this one decide: on Ctrl-C, and by ending, even if killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
