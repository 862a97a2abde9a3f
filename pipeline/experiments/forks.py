"""Run trials on this machine, each in its own process with TensorFlow already imported.

One process imports everything once and computes nothing; every trial is a fork of it. So a trial
starts at once and leaves nothing behind: TensorFlow keeps the code that XLA compiles, about 8 MB
per network, as long as its process lives. If the process of one trial dies, the others go on.
"""

import multiprocessing
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from pipeline.digits.training.state import Epoch
from pipeline.experiments.forkserver import start_forkserver
from pipeline.experiments.running import StoppedError, run_trial
from pipeline.experiments.trial import EpochCallback, Executor, Outcome, Trial, sweeps_dir
from pipeline.system.machine import end_with_parent, is_running

_PICTURES = "pictures-"  # followed by the process that made the folder


@dataclass(frozen=True)
class _Running:
    trial: Trial
    process: BaseProcess
    connection: Connection


@contextmanager
def forks(workers: int) -> Iterator[Executor]:
    """Yield an executor that runs up to `workers` trials at a time on this machine."""
    start_forkserver()
    with shared_folder() as pictures:
        yield partial(run_in_forks, workers=workers, pictures=pictures)


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Yield a folder for pictures that trials share; remove it, and those of killed commands."""
    sweeps_dir().mkdir(parents=True, exist_ok=True)
    for left in sweeps_dir().glob(f"{_PICTURES}*"):
        owner = left.name.removeprefix(_PICTURES)
        if not (owner.isdigit() and is_running(int(owner))):
            shutil.rmtree(left, ignore_errors=True)
    folder = sweeps_dir() / f"{_PICTURES}{os.getpid()}"
    folder.mkdir(exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_in_forks(
    trials: Iterable[Trial],
    on_epoch: EpochCallback,
    workers: int = 1,
    pictures: Path | None = None,
) -> Iterator[tuple[Trial, Outcome]]:
    """Run trials, several at a time; yield each outcome as it arrives.

    Args:
        trials: The trials to run; the next one is taken when a worker is free.
        on_epoch: Called after every epoch of every trial; returns False to stop the trial.
        workers: How many trials run at a time.
        pictures: A folder in which trials share the pictures that they learn from.
    """
    waiting = iter(trials)
    running: dict[Connection, _Running] = {}
    try:
        while True:
            while len(running) < workers and (trial := next(waiting, None)):
                started = _fork(trial, pictures)
                running[started.connection] = started
            if not running:
                return
            ready = wait(list(running))
            for fork in [fork for fork in running.values() if fork.connection in ready]:
                outcome = _handle_message(fork, on_epoch)
                if outcome:
                    del running[fork.connection]
                    yield fork.trial, outcome
    finally:
        for fork in running.values():
            fork.process.kill()


def run_in_fork(trial: Trial) -> Iterator[Epoch | Outcome]:
    """Run one trial; yield each epoch as it ends, then the outcome. Closing this stops it."""
    fork = _fork(trial)
    try:
        while isinstance(message := _receive(fork), Epoch):
            yield message
            _reply(fork, keep_going=True)
        yield message
    finally:
        fork.process.kill()


def _fork(trial: Trial, pictures: Path | None = None) -> _Running:
    context = multiprocessing.get_context("forkserver")
    parent_end, child_end = context.Pipe()
    process = context.Process(target=_work, args=(child_end, trial, pictures), daemon=True)
    process.start()
    child_end.close()
    return _Running(trial, process, parent_end)


def _work(connection: Connection, trial: Trial, pictures: Path | None) -> None:
    """Run a trial in this process; send every epoch and wait for the reply."""
    end_with_parent()

    def on_epoch(epoch: Epoch) -> None:
        connection.send(epoch)
        if not connection.recv():
            raise StoppedError

    with suppress(OSError):  # the command may have been killed
        connection.send(run_trial(trial, on_epoch, pictures))


def _handle_message(fork: _Running, on_epoch: EpochCallback) -> Outcome | None:
    """Receive a trial's next message: reply to an epoch, return an outcome."""
    message = _receive(fork)
    if isinstance(message, Outcome):
        return message
    _reply(fork, keep_going=on_epoch(fork.trial, message))
    return None


def _reply(fork: _Running, *, keep_going: bool) -> None:
    with suppress(OSError):  # the process may have died; `_receive` will notice
        fork.connection.send(keep_going)


def _receive(fork: _Running) -> Epoch | Outcome:
    """Receive a trial's next message; return a failed outcome if its process has died."""
    try:
        message: Epoch | Outcome = fork.connection.recv()
    except (EOFError, OSError):
        fork.process.join()
        code = fork.process.exitcode
        message = Outcome("failed", error=f"its process exited with code {code} (out of memory?)")
    if isinstance(message, Outcome):
        fork.process.join()
        fork.connection.close()
    return message
