"""Choose the MLflow store and check that it answers."""

import logging
import os
import re
import socket
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.config.places import home
from pipeline.config.schema import Tracking
from pipeline.system.errors import InputError, in_one_line

log = logging.getLogger(__name__)

STORE_NAME = "mlflow.db"
ARTIFACTS_NAME = "mlartifacts"
SERVER_TIMEOUT = 5.0  # seconds
SQLITE = re.compile(r"sqlite(\+pysqlite)?:///(?P<file>[^?]+)")
SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks")
"""How the addresses of stores begin, perhaps with a driver, as in `postgresql+psycopg`."""
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def tracking_uri(settings: Tracking) -> str:
    """Return the store's URI: MLFLOW_TRACKING_URI, else the configured one, else mlflow.db.

    A relative SQLite file is one in the project, wherever a process runs.
    """
    uri = (os.environ.get("MLFLOW_TRACKING_URI") or settings.uri or local_store()).strip()
    file = sqlite_file(uri)
    _, mark, options = uri.partition("?")
    return sqlite_uri(file) + mark + options if file else uri


def local_store() -> str:
    """Return the URI of the SQLite store in the project."""
    return sqlite_uri(home() / STORE_NAME)


def sqlite_uri(file: Path) -> str:
    """Return the URI of a SQLite file, in which SQLAlchemy decodes `%20` and ends the name at `?`.

    With a driver's name in the URI, MLflow makes no folder that is called as the encoded one.
    """
    name = str(file)
    encoded = name.replace("%", "%25").replace("?", "%3F")
    return f"sqlite{'' if encoded == name else '+pysqlite'}:///{encoded}"


def sqlite_file(uri: str) -> Path | None:
    """Return the absolute path of a SQLite URI's file; None for another kind of URI."""
    found = SQLITE.match(uri)
    return home() / unquote(found["file"]) if found else None


def without_password(uri: str) -> str:
    """Return a URI to show."""
    return re.sub(r"(?<=//)([^/@]*):[^/@]*@", r"\1:…@", uri)


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
            f"the MLflow server at {without_password(uri)} does not answer ({reason}); start it, "
            "or name another with tracking.uri or MLFLOW_TRACKING_URI"
        )
    return uri


def uri_to_record(settings: Tracking) -> str:
    """Return the store to record in: of an address that means nothing, with a warning, our own."""
    return _usable(tracking_uri(settings), local_store())


@lru_cache
def _usable(uri: str, instead: str) -> str:
    if fault := _fault(uri):
        log.warning(
            "%s: MLflow cannot open this store (%s); recording this run in %s instead",
            without_password(uri), fault, instead,
        )  # fmt: skip
        return instead
    return uri


def _fault(uri: str) -> str | None:
    """Return why no store can ever be at an address; None for one that may just be silent."""
    if re.split(r"[+:]", uri)[0] not in SCHEMES:
        return f"its addresses begin with {', '.join(SCHEMES)}"
    if file := sqlite_file(uri):
        folder = next(each for each in file.parents if each.exists())
        return None if folder.is_dir() else f"{folder} is no folder"
    try:
        place = urlsplit(uri)
        is_named = place.hostname or not uri.startswith("http")
        return None if is_named and place.port != 0 else "it names no server"
    except ValueError as error:
        return in_one_line(error)


def unreachable_reason(uri: str) -> str | None:
    """Return why a server does not answer; None if it does, or if the URI is not a server's."""
    if not uri.startswith(("http://", "https://")):
        return _silent_database(uri)
    import urllib.request
    from http.client import HTTPException

    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=SERVER_TIMEOUT).close()
    except (OSError, HTTPException, ValueError) as error:
        return in_one_line(error) or type(error).__name__
    return None


def _silent_database(uri: str) -> str | None:
    """Return why a database's host cannot be reached; MLflow would try for two minutes."""
    try:
        place = urlsplit(uri)
        port = DATABASE_PORTS.get(place.scheme.partition("+")[0])
        if port and place.hostname:
            address = place.hostname, place.port or port
            socket.create_connection(address, SERVER_TIMEOUT).close()
    except (OSError, ValueError) as error:
        return in_one_line(error)
    return None
