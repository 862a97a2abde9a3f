"""Work on many things at once, given back in order, without holding them all."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import cv2

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
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the pool below keeps every core busy already
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:

            def submit(number: int) -> list[Future[Result]]:
                chunk = chunks[number] if number < len(chunks) else []
                return [pool.submit(work, item) for item in chunk]

            ahead = submit(0)
            for number in range(len(chunks)):
                done = [future.result() for future in ahead]
                ahead = submit(number + 1)
                yield done
    finally:
        cv2.setNumThreads(threads)
