"""Start TensorFlow: quickly, quietly, and with a known number of threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.digits.training.start.lean_keras import without_extras
from pipeline.digits.training.start.onednn import turn_on_onednn
from pipeline.digits.training.start.quiet import silenced_libraries
from pipeline.system.errors import InputError


def start_tensorflow(threads: int | None) -> None:
    """Import TensorFlow and set how many threads share an operation, which decides its rounding.

    Args:
        threads: How many; None is one for each core.

    Raises:
        InputError: TensorFlow already runs in this process with another number.
    """
    with quick_and_quiet_import():
        import tensorflow as tf
    count = threads or 0  # TensorFlow's word for one a core
    try:
        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)
    except RuntimeError as error:
        raise InputError(
            f"train.threads={threads}: TensorFlow already runs with another number in this "
            "process; train with this one in a process of its own"
        ) from error


@contextmanager
def quick_and_quiet_import() -> Iterator[None]:
    """Let the block import TensorFlow faster than usual and without messages.

    What other threads write to stderr meanwhile is lost, too. So import before a run is recorded:
    the recorder warns of its troubles there.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors alone, for as long as it runs
    turn_on_onednn()
    with silenced_libraries(), without_extras():
        yield
