"""Let one process at a time register versions in a store that several people may share.

MLflow changes one thing at a time: between reading who the champion is and naming another one,
someone else may have named theirs. Only one can create a registered model of a certain name, so a
model that exists for seconds serves as the lock, on SQLite and on a server alike.
"""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

from pipeline.system.errors import InputError
from pipeline.tracking.registry.names import LOCK_MODEL

if TYPE_CHECKING:
    from mlflow import MlflowClient

PATIENCE = 600.0  # seconds
LONGEST = 1800.0
"""Seconds after which the lock is that of a machine that has gone: registering takes minutes."""
EVERY = 0.5
TAKEN = ("RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST")
"""What MLflow says if there is such a model, and if it was deleted before MLflow looked at it."""


@contextmanager
def alone(client: "MlflowClient") -> Iterator[None]:
    """Wait until no other process registers here, and keep others waiting during the block.

    Raises:
        InputError: Another one does not end.
    """
    from mlflow.exceptions import MlflowException

    until = time.monotonic() + PATIENCE
    while True:
        try:
            client.create_registered_model(LOCK_MODEL, description=_ourselves())
            break
        except MlflowException as error:
            if error.error_code not in TAKEN:
                raise
        if not _drop_stale(client) and time.monotonic() > until:
            raise InputError(
                f"somebody else is registering a version (MLflow's model {LOCK_MODEL} says who); "
                "wait for its end, or have it deleted if nobody is"
            )
        time.sleep(EVERY)
    try:
        yield
    finally:
        client.delete_registered_model(LOCK_MODEL)


def _ourselves() -> str:
    return json.dumps({"host": socket.gethostname(), "process": os.getpid(), "began": _began()})


def _began(process: int | None = None) -> float | None:
    """Return when a process began; None if there is no such process."""
    try:
        return float(psutil.Process(process).create_time())
    except psutil.Error:
        return None


def _drop_stale(client: "MlflowClient") -> bool:
    """Delete the lock if the process that made it is gone; return whether it is away now."""
    from mlflow.exceptions import MlflowException

    try:
        lock = client.get_registered_model(LOCK_MODEL)
        if not _is_stale(lock.description or "", lock.creation_timestamp / 1000):
            return False
        client.delete_registered_model(LOCK_MODEL)
    except MlflowException as error:
        return bool(error.error_code == "RESOURCE_DOES_NOT_EXIST")  # its owner has deleted it
    return True


def _is_stale(description: str, created: float) -> bool:
    try:
        owner = json.loads(description)
        if owner["host"] == socket.gethostname():
            return bool(_began(int(owner["process"])) != owner["began"])
    except (ValueError, TypeError, LookupError):
        pass
    return time.time() - created > LONGEST
