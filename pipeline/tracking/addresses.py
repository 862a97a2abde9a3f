"""Choose the MLflow store and check that it answers."""

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
    """Return the store's URI: MLFLOW_TRACKING_URI, else the configured one, else mlflow.db."""
    return os.environ.get("MLFLOW_TRACKING_URI") or settings.uri or local_store()


def local_store() -> str:
    """Return the URI of the SQLite store in the project."""
    return f"sqlite:///{home() / STORE_NAME}"


def is_local_store_missing(settings: Tracking) -> bool:
    """Return whether runs go to the local store and it does not exist (yet, or any more)."""
    return tracking_uri(settings) == local_store() and not (home() / STORE_NAME).exists()


def uri_to_read(settings: Tracking) -> str:
    """Return the URI of the store to read runs from.

    Raises:
        InputError: It is a server that does not answer; no other store holds its runs.
    """
    uri = tracking_uri(settings)
    if reason := unreachable_reason(uri):
        raise InputError(
            f"the MLflow server at {uri} does not answer ({reason}); start it, or name another "
            "with tracking.uri or MLFLOW_TRACKING_URI"
        )
    return uri


def uri_to_record(settings: Tracking) -> str:
    """Return the store to record in; if a server does not answer, warn and use the local one."""
    uri = tracking_uri(settings)
    if reason := unreachable_reason(uri):
        log.warning(
            "the MLflow server at %s does not answer (%s); recording this run in %s instead",
            uri, reason, local_store(),
        )  # fmt: skip
        return local_store()
    return uri


def unreachable_reason(uri: str) -> str | None:
    """Return why a server does not answer; None if it does, or if the URI is not a server's."""
    if not uri.startswith(("http://", "https://")):
        return None
    import urllib.request
    from http.client import HTTPException

    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=SERVER_TIMEOUT).close()
    except (OSError, HTTPException, ValueError) as error:
        return in_one_line(error) or type(error).__name__
    return None
