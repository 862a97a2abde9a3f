"""Run a server until Ctrl-C ends it quietly: `python -m pipeline.cli.serving COMMAND …`.

Small, since it stays in memory beside the server.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import NoReturn

from pipeline.cli.messages import fail

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def become_keeper_of(command: list[str]) -> NoReturn:
    """Replace this process by one that runs a server."""
    # Signals wait until the new process can handle them: Python would print a traceback.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    os.execv(sys.executable, [sys.executable, "-m", "pipeline.cli.serving", *command])


def keep(command: list[str]) -> NoReturn:
    """Run a server and end it, with its processes, on a signal; a second one kills them."""
    # In a session of its own: Ctrl-C in a terminal would reach all of the server's processes.
    server = subprocess.Popen(command, start_new_session=True, preexec_fn=_unblock)
    kinds = iter([signal.SIGTERM])

    def end(*_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, next(kinds, signal.SIGKILL))

    for each in ENDING:
        signal.signal(each, end)
    _unblock()
    server.wait()
    if next(kinds, None):  # none came
        fail("the server has ended by itself; its last lines say why")
    raise SystemExit(0)


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


if __name__ == "__main__":
    keep(sys.argv[1:])
