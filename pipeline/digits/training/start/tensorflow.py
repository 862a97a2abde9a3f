"""Start TensorFlow: quickly, quietly, and with a known number of threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.digits.training.start.lean_keras import without_extras
from pipeline.digits.training.start.onednn import turn_on_onednn
from pipeline.digits.training.start.own_keras import expect_own_settings, without_user_settings
from pipeline.digits.training.start.quiet import silenced_libraries
from pipeline.system.errors import InputError


def start_tensorflow(threads: int | None) -> None:
    """Import TensorFlow and set the number of threads per operation, which affects its rounding.

    Args:
        threads: How many; None means one per core.

    Raises:
        InputError: TensorFlow already runs in this process with another number, or Keras with
            another backend.
    """
    with quick_and_quiet_import():
        import keras  # noqa: F401 - later, it would find its user's settings
        import tensorflow as tf
    expect_own_settings()
    count = threads or 0  # to TensorFlow, 0 means one per core
    try:
        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)
    except RuntimeError as error:
        raise InputError(
            f"train.threads={threads}: TensorFlow already runs with another number of threads in "
            "this process; use a new process for this one"
        ) from error


@contextmanager
def quick_and_quiet_import() -> Iterator[None]:
    """Let the block import TensorFlow faster than usual and without messages.

    What other threads write to stderr meanwhile is lost, too. So import before a run is recorded:
    the recorder reports its problems there.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # only errors, as long as it runs
    turn_on_onednn()
    with silenced_libraries(), without_extras(), without_user_settings():
        yield
