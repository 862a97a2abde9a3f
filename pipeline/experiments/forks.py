"""Run trials on this machine, each in a process of its own that has TensorFlow already imported.

One process imports everything once and computes nothing; every trial is a fork of it. So a trial
begins at once and leaves nothing behind: TensorFlow keeps the code that XLA compiles, some 8 MB a
network, for as long as its process lives. A trial whose process dies takes no other with it.
"""

import multiprocessing
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from pipeline.digits.training.state import Epoch
from pipeline.experiments.forkserver import start_forkserver
from pipeline.experiments.running import StoppedError, run_trial
from pipeline.experiments.trial import EpochCallback, Executor, Outcome, Trial
from pipeline.system.machine import end_with_parent


@dataclass(frozen=True)
class _Running:
    trial: Trial
    process: BaseProcess
    connection: Connection


@contextmanager
def forks(workers: int) -> Iterator[Executor]:
    """Offer an executor that runs so many trials at a time on this machine."""
    start_forkserver()
    yield partial(run_in_forks, workers=workers)


def run_in_forks(
    trials: Iterable[Trial], on_epoch: EpochCallback, workers: int = 1
) -> Iterator[tuple[Trial, Outcome]]:
    """Run trials, several at a time, and yield each outcome as it comes.

    Args:
        trials: What to run; the next one is taken when a worker is free.
        on_epoch: Called after every epoch of every trial; returns False to stop the trial.
        workers: How many run at a time.
    """
    waiting = iter(trials)
    running: dict[Connection, _Running] = {}
    try:
        while True:
            while len(running) < workers and (trial := next(waiting, None)):
                started = _fork(trial)
                running[started.connection] = started
            if not running:
                return
            ready = wait(list(running))
            for fork in [fork for fork in running.values() if fork.connection in ready]:
                outcome = _follow_once(fork, on_epoch)
                if outcome:
                    del running[fork.connection]
                    yield fork.trial, outcome
    finally:
        for fork in running.values():
            fork.process.kill()


def run_in_fork(trial: Trial) -> Iterator[Epoch | Outcome]:
    """Run one trial; yield its epochs as they end and its outcome last. Closing this stops it."""
    fork = _fork(trial)
    try:
        while isinstance(message := _receive(fork), Epoch):
            yield message
            _answer(fork, goes_on=True)
        yield message
    finally:
        fork.process.kill()


def _fork(trial: Trial) -> _Running:
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, trial), daemon=True)
    process.start()
    theirs.close()
    return _Running(trial, process, ours)


def _work(connection: Connection, trial: Trial) -> None:
    """Run a trial in its own process; send every epoch and wait for the answer to it."""
    end_with_parent()

    def on_epoch(epoch: Epoch) -> None:
        connection.send(epoch)
        if not connection.recv():
            raise StoppedError

    with suppress(OSError):  # the command may have been killed
        connection.send(run_trial(trial, on_epoch))


def _follow_once(fork: _Running, on_epoch: EpochCallback) -> Outcome | None:
    """Receive one message of a trial and answer it; return its outcome if that is what came."""
    message = _receive(fork)
    if isinstance(message, Outcome):
        return message
    _answer(fork, goes_on=on_epoch(fork.trial, message))
    return None


def _answer(fork: _Running, *, goes_on: bool) -> None:
    with suppress(OSError):  # it may have died, which the next message tells
        fork.connection.send(goes_on)


def _receive(fork: _Running) -> Epoch | Outcome:
    """Receive one message of a trial; if its process has died, return that as its outcome."""
    try:
        message: Epoch | Outcome = fork.connection.recv()
    except (EOFError, OSError):
        fork.process.join()
        code = fork.process.exitcode
        message = Outcome("failed", error=f"its process ended with code {code}: out of memory?")
    if isinstance(message, Outcome):
        fork.process.join()
        fork.connection.close()
    return message
