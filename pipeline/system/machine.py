"""The cores that this process may use, and its tie to the process that started it."""

import atexit
import gc
import os
import signal
from threading import Thread

# New objects after which Python looks for garbage; of itself after 700.
SELDOM = 50_000


def cores() -> int:
    """Count the cores that this process may use: all, unless it is bound to some of them."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux knows
        return os.cpu_count() or 1


def collect_seldom() -> None:
    """Have Python look for garbage less often, and not at its end: for processes of our own.

    Importing TensorFlow or MLflow makes a million objects that stay. To look through them again
    and again as they come, and all of them once more at the end, takes a third of the time.
    """
    gc.set_threshold(SELDOM, 20, 20)
    atexit.register(gc.freeze)


def serve_parent() -> None:
    """Leave Ctrl-C to the parent process, and end when it ends, even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
