"""Which store runs go to, and whether it answers."""

import logging
import os

from pipeline.config.places import home
from pipeline.config.schema import Tracking
from pipeline.system.errors import InputError, in_one_line

log = logging.getLogger(__name__)

STORE_NAME = "mlflow.db"
ARTIFACTS_NAME = "mlartifacts"
SERVER_ANSWERS_WITHIN = 5.0
DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def data_experiment(settings: Tracking) -> str:
    """Name the experiment that holds the runs of prepare."""
    return f"{settings.experiment}-data"


def rows_experiment(settings: Tracking) -> str:
    """Name the experiment that holds the runs of train-rows."""
    return f"{settings.experiment}-rows"


def tracking_uri(settings: Tracking) -> str:
    """Return where runs go: MLFLOW_TRACKING_URI, else the configured place, else mlflow.db."""
    return os.environ.get("MLFLOW_TRACKING_URI") or settings.uri or local_store()


def local_store() -> str:
    """Return the address of the SQLite store in the project."""
    return f"sqlite:///{home() / STORE_NAME}"


def is_removed(settings: Tracking) -> bool:
    """Say whether runs go to the local store and there is none, not yet or no longer."""
    return tracking_uri(settings) == local_store() and not (home() / STORE_NAME).exists()


def uri_to_read(settings: Tracking) -> str:
    """Return where runs are.

    Raises:
        InputError: It is a server that does not answer; any other store holds other runs.
    """
    uri = tracking_uri(settings)
    if silence := why_silent(uri):
        raise InputError(
            f"the MLflow server at {uri} does not answer ({silence}); start it, or name another "
            "with tracking.uri or MLFLOW_TRACKING_URI"
        )
    return uri


def uri_to_record(settings: Tracking) -> str:
    """Return where runs go; the local store, with a warning, for a server that does not answer."""
    uri = tracking_uri(settings)
    if silence := why_silent(uri):
        log.warning(
            "the MLflow server at %s does not answer (%s); this run is kept in %s instead",
            uri, silence, local_store(),
        )  # fmt: skip
        return local_store()
    return uri


def why_silent(uri: str) -> str | None:
    """Say why a server does not answer; None if it does, and for a store that is no server."""
    if not uri.startswith(("http://", "https://")):
        return None
    import urllib.request
    from http.client import HTTPException

    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=SERVER_ANSWERS_WITHIN).close()
    except (OSError, HTTPException, ValueError) as error:
        return in_one_line(error) or type(error).__name__
    return None


def surroundings() -> dict[str, str]:
    """Return the environment with what MLflow is to do of itself, where the user does not say."""
    return {**DEFAULTS, **os.environ}
