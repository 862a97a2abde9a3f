"""How TensorFlow starts: quickly, quietly, and with a known number of threads."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.system.errors import InputError


def start_tensorflow(threads: int | None) -> None:
    """Import TensorFlow and fix how many threads share an operation, which decides its rounding.

    Raises:
        InputError: TensorFlow runs in this process already, with another number.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
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
    """Spare TensorFlow's import what nobody here needs: a third of its time, and messages.

    Keras imports what it has extras for, where that is installed. TensorFlow's libraries tell of
    missing GPUs as they load, past Python's streams. What other threads say meanwhile is lost, too,
    so this comes before a run is recorded, of whose troubles one is told.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        with _as_if_missing("sklearn", "pandas", "matplotlib"):
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _as_if_missing(*packages: str) -> Iterator[None]:
    """Let imports of packages fail as if they were not installed, unless they are there already."""
    blocked: dict[str, Any] = {name: None for name in packages if name not in sys.modules}
    sys.modules.update(blocked)  # None is Python's own sign for it
    try:
        yield
    finally:
        for name in blocked:
            del sys.modules[name]
