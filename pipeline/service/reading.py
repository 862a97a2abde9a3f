"""Read the pictures of requests in a few processes; refuse what would have to wait too long.

In threads, one picture would hold Python's lock while another is read and while answers are sent.
"""

import asyncio
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.config.schema import Predict
from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.preprocessing.decoding import decode
from pipeline.digits.recognition.digit import classify, prepare
from pipeline.digits.recognition.lines.reader import LineReader
from pipeline.digits.recognition.number import read_numbers
from pipeline.service.answers import digit_answer, number_answer
from pipeline.service.invocations import invoke, parse
from pipeline.service.limits import RefusedError
from pipeline.system.arrays import Pixels
from pipeline.system.machine import cores, end_with_parent

Mode = Literal["digit", "number"]
Upload = tuple[str, bytes]
"""A file's name and content."""
Read = tuple[Pixels | None, NDArray[np.float32] | None]
"""What a network saw of a picture, and its probabilities; None if it could not be read."""
Result = TypeVar("Result")
Json = dict[str, Any]


class NetworkFile(NamedTuple):
    """An ONNX file, and when it was written, in nanoseconds."""

    path: Path
    written: int


class Workers:
    """One process a core, and a queue of limited length before them."""

    def __init__(self, waiting: int) -> None:
        """Start no process yet.

        Args:
            waiting: Tasks that may wait for a free process.
        """
        self._pool = make_pool()
        self._room = waiting + cores()
        self._inside = 0

    async def run(self, task: Callable[..., Result], *arguments: object) -> Result:
        """Run a task in one of the processes.

        Raises:
            RefusedError: Too many wait already, or a process was killed.
        """
        if self._inside >= self._room:
            raise RefusedError(503, "too many requests at once; try again")
        self._inside += 1
        pool = self._pool
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, task, *arguments)
        except BrokenProcessPool as error:
            if self._pool is pool:
                self._pool = make_pool()
            raise RefusedError(503, "a process that read pictures was killed; try again") from error
        finally:
            self._inside -= 1

    def warm_up(self) -> None:
        """Start all processes, so that the first request need not wait for them."""
        for _ in range(cores()):
            self._pool.submit(cores)

    def close(self) -> None:
        """Let the running tasks end and drop the others."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def make_pool() -> Executor:
    """Return one process a core, which ends with this process."""
    # A plain fork would inherit locks that other threads of this process hold.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    context.set_forkserver_preload([__name__])
    return ProcessPoolExecutor(cores(), context, end_with_parent)


# --- in these processes -------------------------------------------------------------------------


def read_digits(
    network: NetworkFile, settings: Predict, uploads: Sequence[Upload], *, seen: bool
) -> tuple[list[Json], list[Read]]:
    """Read one digit from each of some picture files; return the answers, and what was read."""
    inputs = [prepare(name, partial(decode, content), thumbnail=False) for name, content in uploads]
    predictions = list(classify(inputs, _classifier(network), settings.unsure_below))
    answers = [digit_answer(each, seen=seen).model_dump(exclude_unset=True) for each in predictions]
    return answers, [(each.image, each.probabilities) for each in predictions]


def read_all_numbers(
    network: NetworkFile, settings: Predict, uploads: Sequence[Upload]
) -> list[Json]:
    """Read the numbers in each of some picture files, with a network for lines."""
    read = partial(
        read_numbers, reader=_line_reader(network), unsure_below=settings.unsure_numbers_below
    )
    predictions = [read(name, partial(decode, content)) for name, content in uploads]
    return [number_answer(each).model_dump(exclude_unset=True) for each in predictions]


def read_invocation(network: NetworkFile, settings: Predict, body: bytes) -> list[Json]:
    """Read the pictures in a request of MLflow's form.

    Raises:
        RefusedError: It does not hold pictures.
    """
    pictures, below = parse(body, settings.unsure_below)
    return invoke(pictures, _classifier(network), below)


@lru_cache(maxsize=8)
def _classifier(network: NetworkFile) -> Classifier:
    return Classifier.load(network.path, threads=1)


@lru_cache(maxsize=1)
def _line_reader(network: NetworkFile) -> LineReader:
    return LineReader.load(network.path)
