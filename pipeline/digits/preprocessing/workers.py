"""Pools of threads and of processes, and the process-wide settings that make them run well.

- `set_forkserver_preload`: the fork server imports our modules once, instead of every process.
  predict-custom on 1,000 PNGs of 400 px, two cores, medians of five runs taken in turn: 6.39 s of
  processor time with it, 6.77 s without; each further core would add an import. Without a fork
  server, as on Windows, processes are spawned and import the modules themselves.
- `_unwanted`: an event in each process that ends its task early once nobody waits for the result.
- `cv2.setNumThreads(1)` in each process: else OpenCV starts one thread per core in each of them. On
  two cores it makes no difference (6.47 s without it).
"""

import logging
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import cv2

from pipeline.system.errors import InputError
from pipeline.system.machine import cores, end_with_parent

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def threads() -> Iterator[Executor]:
    """Yield a pool of threads, one per core."""
    pool = ThreadPoolExecutor(cores())
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def processes() -> Iterator[Executor]:
    """Yield a pool of processes, one per core; they end with this process, even if it is killed.

    Where the system allows no semaphores, it is a pool of threads, with a warning.

    Raises:
        InputError: One of them was killed.
    """
    # Imported here: a few pictures need no processes, and should not wait for these imports.
    import multiprocessing
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    # A plain fork would inherit locks that other threads of this process hold.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    context.set_forkserver_preload(_modules_to_preload())
    try:
        unwanted = context.Event()
    except OSError as error:  # no /dev/shm, as in some containers: no semaphores
        log.warning("no processes can be used (/dev/shm: %s); threads take longer", error.strerror)
        with threads() as pool:
            yield pool
        return
    pool = ProcessPoolExecutor(cores(), context, _begin, (unwanted,))
    try:
        yield pool
    except BrokenProcessPool as error:
        raise InputError(
            "a process that read pictures was killed (out of memory?); run the command again, with "
            "fewer pictures if need be"
        ) from error
    finally:
        unwanted.set()
        pool.shutdown(cancel_futures=True)


def work_through(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Call a function on every item; skip the rest once nobody waits for the results.

    A task cannot be cancelled once it is on its way to a process, and one of several large pictures
    takes seconds.
    """
    return [work(item) for item in items if not _unwanted.is_set()]


_unwanted: "threading.Event | Event" = threading.Event()  # in a pool's process, the pool's event


def _begin(unwanted: "Event") -> None:
    """Set up a process of a pool."""
    global _unwanted
    _unwanted = unwanted
    cv2.setNumThreads(1)
    end_with_parent()


def _modules_to_preload() -> list[str]:
    """Return what the fork server imports for all processes: our modules imported so far.

    Each process runs the command's module again, which imports them all. That module itself is not
    among them: here it is called `__main__`, and Python would warn of a second import.
    """
    package = __name__.partition(".")[0]
    return [name for name in list(sys.modules) if name.startswith(f"{package}.")]
