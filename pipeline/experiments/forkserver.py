"""Start the fork server for trials, a process that imports TensorFlow once for all of them.

Twelve short trials (`data=mnist_5000 'model.hidden_units=[16],[24],[32]' train.epochs=1,2,3,4
tracking.enabled=false`) take 34 s of processor time instead of 64 s: medians of three runs each,
taken in turn (31 to 38 and 63 to 67; 2 cores, Python 3.11.7, 2026-11-28).

Public functions of multiprocessing set the modules to import. Only one step uses private names: if
a fork server is already running, because a folder of pictures was read, it must be stopped first,
since it imports only the modules it was started with. That alone saves 27 of 63 s of processor time
for the same trials on a folder of 600 pictures. Where a Python version has other private names,
trials are forked from the old server and import TensorFlow themselves: slower, but otherwise the
same.
"""

import os
from contextlib import suppress
from multiprocessing import forkserver
from typing import Any

PRELOADED = ["pipeline.experiments.preloaded"]


def start_forkserver() -> None:
    """Start the fork server, which begins to import what trials need; do not wait for it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with suppress(AttributeError):  # no such private name in this Python
        _stop_other_server()
    forkserver.set_forkserver_preload(PRELOADED)
    forkserver.ensure_running()


def _stop_other_server() -> None:
    """Stop a fork server started with other modules; the processes it forked have ended by now."""
    server: Any = forkserver._forkserver
    if server._preload_modules != PRELOADED:
        server._stop()
