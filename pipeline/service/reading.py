"""Read the pictures of requests on a few threads; refuse what would have to wait too long."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal, TypeVar

from pipeline.config.schema import Predict
from pipeline.digits.inference.drift import Window
from pipeline.digits.preprocessing.decoding import decode
from pipeline.digits.recognition.digit import classify, prepare
from pipeline.digits.recognition.number import read_numbers
from pipeline.service.answers import Answer, digit_answer, number_answer
from pipeline.service.limits import RefusedError
from pipeline.service.networks import Network, Networks
from pipeline.system.machine import cores

Mode = Literal["digit", "number"]
Upload = tuple[str, bytes]
"""A file's name and content."""
Result = TypeVar("Result")


class Workers:
    """One thread a core, and a queue of limited length before them."""

    def __init__(self, waiting: int) -> None:
        """Start no thread yet.

        Args:
            waiting: Tasks that may wait for a free thread.
        """
        self._pool = ThreadPoolExecutor(cores(), "reader")
        self._room = waiting + cores()
        self._inside = 0

    async def run(self, task: Callable[[], Result]) -> Result:
        """Run a task on one of the threads.

        Raises:
            RefusedError: Too many wait already.
        """
        if self._inside >= self._room:
            raise RefusedError(503, "too many requests at once; try again")
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, task)
        finally:
            self._inside -= 1

    def close(self) -> None:
        """Let the running tasks end and drop the others."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def read_uploads(
    uploads: Sequence[Upload],
    network: Network,
    settings: Predict,
    *,
    seen: bool = False,
    window: Window | None = None,
) -> list[Answer]:
    """Read one digit from each of some picture files.

    Args:
        uploads: The files.
        network: What reads them.
        settings: How sure an answer must be.
        seen: Whether to add what the network saw.
        window: Where to remember them, to notice when they are of another kind.
    """
    inputs = [prepare(name, partial(decode, content), thumbnail=False) for name, content in uploads]
    predictions = list(classify(inputs, network.classifier, settings.unsure_below))
    if window:
        for each in predictions:
            window.add(each.image, each.probabilities)
    return [digit_answer(each, seen=seen) for each in predictions]


def read_number_uploads(
    uploads: Sequence[Upload], networks: Networks, settings: Predict
) -> list[Answer]:
    """Read the numbers in each of some picture files.

    Raises:
        InputError: No network for lines was trained.
    """
    reader, below = networks.lines(), settings.unsure_numbers_below
    return [
        number_answer(read_numbers(name, partial(decode, content), reader, unsure_below=below))
        for name, content in uploads
    ]
