"""Keep TensorFlow's libraries quiet while they load.

They write four lines about missing GPUs and oneDNN to the process's stderr, past Python's streams
and whatever TF_CPP_MIN_LOG_LEVEL says. This saves no time.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def silenced_libraries() -> Iterator[None]:
    """Discard everything the process writes to file descriptor 2 during the block."""
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
