"""Trials, each in a process of its own that starts with TensorFlow already imported.

One process imports everything once and computes nothing; every trial is a fork of it. So a trial
begins at once, and leaves nothing behind: TensorFlow keeps the code that XLA compiles, some 8 MB a
network, for as long as its process lives. One that dies takes no other with it.
"""

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from pipeline.digits.training.state import Epoch
from pipeline.experiments.running import StoppedError, run_trial
from pipeline.experiments.trial import Judge, Outcome, Runner, Trial
from pipeline.system.machine import serve_parent

PRELOADED = ["pipeline.experiments.preloaded"]


@dataclass(frozen=True)
class _Running:
    trial: Trial
    process: BaseProcess


@contextmanager
def forks(workers: int) -> Iterator[Runner]:
    """Return what runs trials on this machine, so many at a time."""
    start()
    yield partial(run_in_forks, workers=workers)


def start() -> None:
    """Begin to import what trials need, in the process they will be forked from; do not wait."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    server: Any = forkserver._forkserver
    # There is one such process for all, and it imports only what it was first told to. If it has
    # served those who read a folder of pictures, another one has to take its place.
    if server._preload_modules != PRELOADED:
        server._stop()
        server.set_forkserver_preload(PRELOADED)
    server.ensure_running()


def run_in_forks(
    trials: Iterable[Trial], goes_on: Judge, workers: int = 1
) -> Iterator[tuple[Trial, Outcome]]:
    """Run trials, several at a time, and give each outcome as it comes.

    Args:
        trials: What to run; the next one is asked for when a worker is free.
        goes_on: Told of every epoch of every trial; False gives the trial up.
        workers: How many run at a time.
    """
    waiting = iter(trials)
    running: dict[Connection, _Running] = {}
    try:
        while True:
            while len(running) < workers and (trial := next(waiting, None)):
                connection, started = _fork(trial)
                running[connection] = started
            if not running:
                return
            ready = wait(list(running))
            for connection in [connection for connection in running if connection in ready]:
                outcome = _listen(connection, running[connection], goes_on)
                if outcome:
                    yield running.pop(connection).trial, outcome
    finally:
        for left in running.values():
            left.process.kill()


def follow(trial: Trial) -> Iterator[Epoch | Outcome]:
    """Run one trial; return its epochs as they end and its outcome last. Closing this ends it."""
    connection, running = _fork(trial)
    try:
        while isinstance(message := _receive(connection, running), Epoch):
            yield message
            with suppress(OSError):  # it may have died meanwhile, which is heard of next
                connection.send(True)
        yield message
    finally:
        running.process.kill()


def _fork(trial: Trial) -> tuple[Connection, _Running]:
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, trial), daemon=True)
    process.start()
    theirs.close()
    return ours, _Running(trial, process)


def _work(connection: Connection, trial: Trial) -> None:
    serve_parent()

    def tell(epoch: Epoch) -> None:
        connection.send(epoch)
        if not connection.recv():
            raise StoppedError

    with suppress(OSError):  # the command may have been killed
        connection.send(run_trial(trial, tell))


def _listen(connection: Connection, running: _Running, goes_on: Judge) -> Outcome | None:
    """Take one message of a trial; return its outcome if that is what came."""
    message = _receive(connection, running)
    if isinstance(message, Outcome):
        return message
    answer = goes_on(running.trial, message)
    with suppress(OSError):  # as above
        connection.send(answer)
    return None


def _receive(connection: Connection, running: _Running) -> Epoch | Outcome:
    """Take one message of a trial; that its process has died comes as an outcome."""
    try:
        message: Epoch | Outcome = connection.recv()
    except (EOFError, OSError):
        running.process.join()
        code = running.process.exitcode
        message = Outcome("failed", error=f"its process ended with code {code}: out of memory?")
    if isinstance(message, Outcome):
        running.process.join()
        connection.close()
    return message
