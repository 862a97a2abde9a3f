"""Which store runs are kept in, and whether it answers."""

import logging
import os

from pipeline.config.places import home
from pipeline.config.schema import Tracking
from pipeline.system.errors import InputError, in_one_line

log = logging.getLogger(__name__)

STORE_NAME = "mlflow.db"
ARTIFACTS_NAME = "mlartifacts"
SERVER_TIMEOUT = 5.0  # seconds


def tracking_uri(settings: Tracking) -> str:
    """Return the store: MLFLOW_TRACKING_URI, else the configured one, else mlflow.db."""
    return os.environ.get("MLFLOW_TRACKING_URI") or settings.uri or local_store()


def local_store() -> str:
    """Return the address of the SQLite store in the project."""
    return f"sqlite:///{home() / STORE_NAME}"


def is_local_store_missing(settings: Tracking) -> bool:
    """Say whether runs go to the local store, but that does not exist (yet, or any more)."""
    return tracking_uri(settings) == local_store() and not (home() / STORE_NAME).exists()


def uri_to_read(settings: Tracking) -> str:
    """Return the store to read runs from.

    Raises:
        InputError: It is a server that does not answer. No other store holds the same runs.
    """
    uri = tracking_uri(settings)
    if silence := unreachable_reason(uri):
        raise InputError(
            f"the MLflow server at {uri} does not answer ({silence}); start it, or name another "
            "with tracking.uri or MLFLOW_TRACKING_URI"
        )
    return uri


def uri_to_record(settings: Tracking) -> str:
    """Return the store to record runs in; if it is a silent server, warn and take the local one."""
    uri = tracking_uri(settings)
    if silence := unreachable_reason(uri):
        log.warning(
            "the MLflow server at %s does not answer (%s); this run is kept in %s instead",
            uri, silence, local_store(),
        )  # fmt: skip
        return local_store()
    return uri


def unreachable_reason(uri: str) -> str | None:
    """Return why a server does not answer; None if it does, or if the store is no server."""
    if not uri.startswith(("http://", "https://")):
        return None
    import urllib.request
    from http.client import HTTPException

    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=SERVER_TIMEOUT).close()
    except (OSError, HTTPException, ValueError) as error:
        return in_one_line(error) or type(error).__name__
    return None
