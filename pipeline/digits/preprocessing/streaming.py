"""Process many items in parallel and yield the results in order, without holding them all."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future

from pipeline.digits.preprocessing.workers import Item, Result, processes, threads, work_through
from pipeline.system.machine import cores

# From this number of items on, threads are worth starting. A small picture is read in the time that
# a pool takes to start.
WORTH_THREADS = 4

# From this number of items on, processes are worth starting. Threads that work on small pictures
# mostly wait for Python's lock: two take longer than one.
WORTH_PROCESSES = 256

# Maximum number of items sent to a process at once: sending many together costs less. And minimum
# number of slices per process, so that none is left alone with the last large pictures.
SLICE = 64
SLICES = 8


def in_chunks(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    chunk_size: int,
    *,
    by_processes: bool = False,
) -> Iterator[list[Result]]:
    """Call a function on every item, on all cores; yield the results in order, chunk by chunk.

    While the caller uses one chunk, the next is computed; while it waits for that, the one after it
    is started. At most these three are held.

    Args:
        work: The function, called several times at once; its exceptions are raised here.
        items: The arguments to call it with, one per call.
        chunk_size: Results per chunk, >= 1.
        by_processes: Whether to use processes if there are enough items to be worth it. Then
            `work`, the items and the results must be picklable.

    Raises:
        InputError: A process was killed.
    """
    if len(items) < WORTH_THREADS:
        for start in range(0, len(items), chunk_size):
            yield [work(item) for item in items[start : start + chunk_size]]
        return
    open_pool, slice_size = threads, 1
    if by_processes and len(items) >= WORTH_PROCESSES:
        shares = len(items) // (SLICES * cores()), chunk_size // cores()  # of all, of a chunk
        open_pool, slice_size = processes, max(1, min(SLICE, *shares))
    with open_pool() as pool:
        yield from _through(pool, work, items, chunk_size, slice_size)


def _through(
    pool: Executor,
    work: Callable[[Item], Result],
    items: Sequence[Item],
    chunk_size: int,
    slice_size: int,
) -> Iterator[list[Result]]:
    """Send the items through a pool, `slice_size` of them per task."""
    chunks = [items[start : start + chunk_size] for start in range(0, len(items), chunk_size)]

    def submit(number: int) -> list[Future[list[Result]]]:
        chunk = chunks[number] if number < len(chunks) else []
        slices = (chunk[start : start + slice_size] for start in range(0, len(chunk), slice_size))
        return [pool.submit(work_through, work, several) for several in slices]

    ahead = submit(0)
    for number in range(len(chunks)):
        # The next chunk is submitted before this one is awaited, so that no core is idle.
        awaited, ahead = ahead, submit(number + 1)
        yield [result for future in awaited for result in future.result()]
