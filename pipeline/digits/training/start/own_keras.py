"""Import Keras with its own defaults, whatever this machine's user has set for other projects.

KERAS_BACKEND and keras.json may name another backend, half precision or another order of channels.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.system.errors import InputError

PREFIX = "KERAS_"
OURS = {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": os.devnull}  # where no keras.json is


@contextmanager
def without_user_settings() -> Iterator[None]:
    """Hide Keras's environment variables and keras.json from the block."""
    users = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    for name in users:
        del os.environ[name]
    os.environ.update(OURS)
    try:
        yield
    finally:
        for name in OURS:
            del os.environ[name]
        os.environ.update(users)


def expect_own_settings() -> None:
    """Set what could still differ if Keras had been imported before, as in a notebook.

    Raises:
        InputError: It has been imported with another backend.
    """
    import keras

    if (backend := keras.config.backend()) != "tensorflow":
        raise InputError(
            f"KERAS_BACKEND={backend}: this process has imported Keras with that backend; use a "
            "new process, or set KERAS_BACKEND=tensorflow before anything imports Keras"
        )
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
