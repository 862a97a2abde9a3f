"""Work on many things at once, given back in order, without holding them all."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import cv2

from pipeline.digits.machine import cores

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_chunks(
    work: Callable[[Item], Result], items: Sequence[Item], chunk_size: int
) -> Iterator[list[Result]]:
    """Call a function on every item, on all cores; give the results in order, chunk by chunk.

    While one chunk is used the next is worked on, and no more than these two are held.

    Args:
        work: What is called in several threads at once; what it raises is raised here.
        items: What it is called with.
        chunk_size: Results a chunk, >= 1.
    """
    chunks = [items[start : start + chunk_size] for start in range(0, len(items), chunk_size)]
    pool = ThreadPoolExecutor(cores())

    def submit(number: int) -> list[Future[Result]]:
        chunk = chunks[number] if number < len(chunks) else []
        return [pool.submit(work, item) for item in chunk]

    try:
        with _opencv_on_one_thread:
            ahead = submit(0)
            for number in range(len(chunks)):
                done = [future.result() for future in ahead]
                ahead = submit(number + 1)
                yield done
    finally:
        pool.shutdown(cancel_futures=True)


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
