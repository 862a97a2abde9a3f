"""Start the process that trials are forked from, with TensorFlow imported once for all of them.

Twelve short trials (`data=mnist_5000 'model.hidden_units=[16],[24],[32]' train.epochs=1,2,3,4
tracking.enabled=false`) take 34 processor seconds in place of 64, medians of three runs each, by
turns (31 to 38 and 63 to 67; 2 cores, Python 3.11.7, 2026-11-28).

The modules to import are named by public functions of multiprocessing. One thing is private: a
server that is running already, because a folder of pictures was read, has to make room, as it
imports only what it was started with. That alone saves 27 of 63 processor seconds of the same
trials on a folder of 600 pictures. Where a Python has other private names, trials are forked from
that server and import TensorFlow themselves: slower, but otherwise the same.
"""

import os
from contextlib import suppress
from multiprocessing import forkserver
from typing import Any

PRELOADED = ["pipeline.experiments.preloaded"]


def start_forkserver() -> None:
    """Begin to import what trials need, in the process they will be forked from; do not wait."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with suppress(AttributeError):  # no such private name in this Python
        _stop_another()
    forkserver.set_forkserver_preload(PRELOADED)
    forkserver.ensure_running()


def _stop_another() -> None:
    """Stop a server that was started with other modules; its processes have ended by now."""
    server: Any = forkserver._forkserver
    if server._preload_modules != PRELOADED:
        server._stop()
