"""What this process may use of the machine."""

import os


def cores() -> int:
    """Say how many cores this process may use: fewer than there are, if it is bound to some."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux tells
        return os.cpu_count() or 1
