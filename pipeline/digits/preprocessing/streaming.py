"""Work on many things at once, given back in order, without holding them all."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import cv2

from pipeline.system.errors import InputError
from pipeline.system.machine import cores, serve_parent

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

Item = TypeVar("Item")
Result = TypeVar("Result")

# Threads that work on small pictures mostly wait for Python's lock: two take longer than one, and
# processes are worth their start from some 250 pictures on.
WORTH_PROCESSES = 256
# Items a process is sent at once: more of them cost less on the way, but at the end, if they are
# large pictures, one process is left with the last ones. So each gets so many slices at least.
SLICE = 64
SLICES = 8


def in_chunks(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    chunk_size: int,
    *,
    by_processes: bool = False,
) -> Iterator[list[Result]]:
    """Call a function on every item, on all cores; return the results in order, chunk by chunk.

    While one chunk is used the next is worked on, and the one after that waits as soon as the next
    is awaited; no more than these three are held.

    Args:
        work: What is called, several times at once; what it raises is raised here.
        items: What it is called with.
        chunk_size: Results a chunk, >= 1.
        by_processes: Whether processes may do it, once the items are so many that it pays. All
            three, `work`, an item and a result, must then be fit for pickling.

    Raises:
        InputError: A process was killed.
    """
    many = by_processes and len(items) >= WORTH_PROCESSES
    open_pool, size = _threads, 1
    if many:
        shares = len(items) // (SLICES * cores()), chunk_size // cores()  # of all, of a chunk
        open_pool, size = _processes, max(1, min(SLICE, *shares))
    with open_pool() as pool, _opencv_on_one_thread:
        yield from _through(pool, work, items, chunk_size, size)


def _through(
    pool: Executor,
    work: Callable[[Item], Result],
    items: Sequence[Item],
    chunk_size: int,
    size: int,
) -> Iterator[list[Result]]:
    """Send the items through a pool, `size` of them as one task."""
    chunks = [items[start : start + chunk_size] for start in range(0, len(items), chunk_size)]

    def submit(number: int) -> list[Future[list[Result]]]:
        chunk = chunks[number] if number < len(chunks) else []
        slices = (chunk[start : start + size] for start in range(0, len(chunk), size))
        return [pool.submit(_each, work, several) for several in slices]

    ahead = submit(0)
    for number in range(len(chunks)):
        # The next one waits already, so that no core rests while others end this one.
        awaited, ahead = ahead, submit(number + 1)
        yield [result for future in awaited for result in future.result()]


def _each(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [work(item) for item in items if not _unwanted.is_set()]


@contextmanager
def _threads() -> Iterator[Executor]:
    pool = ThreadPoolExecutor(cores())
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _processes() -> Iterator[Executor]:
    # Not needed for a few pictures, whose answer should not wait for them.
    import multiprocessing
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    # A fork of this process would inherit locks that its other threads hold.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    context.set_forkserver_preload(_imported_by_all())
    unwanted = context.Event()
    pool = ProcessPoolExecutor(cores(), context, _begin, (unwanted,))
    try:
        yield pool
    except BrokenProcessPool as error:
        raise InputError(
            "a process that worked on the pictures was killed; did memory run out? Run the command "
            "again, with fewer pictures if need be"
        ) from error
    finally:
        unwanted.set()
        pool.shutdown(cancel_futures=True)


def _imported_by_all() -> list[str]:
    """Name what every process imports, to be imported once by the one they are forked from.

    Python has each of them run the module of the command again. That module itself cannot be among
    these, or Python warns; all that it imports of this project is.
    """
    package = __name__.partition(".")[0]
    return [name for name in list(sys.modules) if name.startswith(f"{package}.")]


# Set when nobody waits for results any more. A slice cannot be cancelled once it is on its way to
# a process, and several of large pictures take seconds.
_unwanted: "threading.Event | Event" = threading.Event()


def _begin(unwanted: "Event") -> None:
    global _unwanted
    _unwanted = unwanted
    cv2.setNumThreads(1)  # the others have the other cores
    serve_parent()


class _OneThread:
    """Keeps OpenCV from threads of its own while the pool of anyone keeps every core busy."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._threads = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._threads = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                cv2.setNumThreads(self._threads)


_opencv_on_one_thread = _OneThread()
