"""Import Keras without scikit-learn, pandas and matplotlib.

Keras imports them for extras that nothing here uses. Without them the start of TensorFlow takes
2.7 s of the processor instead of 4.1 s (user and system time of `start_tensorflow(None)`, median
of five by turns, TensorFlow 2.21 on two cores).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

EXTRAS = ("sklearn", "pandas", "matplotlib")


@contextmanager
def without_extras() -> Iterator[None]:
    """Let the block import Keras as if its extras were not installed.

    What is imported already stays. After the block everything can be imported as usual.
    """
    # Python's documented sign for a module that must not be imported.
    blocked: dict[str, Any] = {name: None for name in EXTRAS if name not in sys.modules}
    sys.modules.update(blocked)
    try:
        yield
    finally:
        for name in blocked:
            del sys.modules[name]
