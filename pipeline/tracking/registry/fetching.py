"""Download the network of a registered model."""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.places import home
from pipeline.config.schema import Tracking
from pipeline.system.errors import InputError
from pipeline.system.files import replace_when_written
from pipeline.tracking.addresses import is_local_store_missing, uri_to_read
from pipeline.tracking.errors import mlflow_errors_as_input_errors
from pipeline.tracking.names import RUN_ID
from pipeline.tracking.registry.candidates import Candidates
from pipeline.tracking.registry.champions import Champions
from pipeline.tracking.registry.names import (
    CHAMPION,
    DIGEST_TAG,
    NETWORK,
    REGISTERED_MODEL,
    VERSIONS_CONDITION,
)
from pipeline.tracking.store import open_store

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

URI_SCHEME = "models:/"
NETWORK_NAME = Path(NETWORK).name
CACHE_NAME = ".registry"


@dataclass(frozen=True)
class Fetched:
    """A network that was fetched from MLflow.

    Attributes:
        name: `models:/NAME/VERSION`, or the id of its run.
        file: Its ONNX file.
        run_id: The run of its training; None if unknown.
        test_accuracy: Its share of the test set read right, 0..1; None if unknown.
    """

    name: str
    file: Path
    run_id: str | None
    test_accuracy: float | None


@mlflow_errors_as_input_errors
def pin(settings: Tracking, uri: str) -> str:
    """Return the URI of the version that a registered model's URI refers to now.

    Args:
        settings: Where the registry is.
        uri: `models:/NAME@ALIAS` or `models:/NAME/VERSION`.

    Raises:
        InputError: There is no such model.
    """
    version = _resolve(settings, uri)
    return f"{URI_SCHEME}{version.name}/{version.version}"


def fetch_network(settings: Tracking, uri: str) -> tuple[Path, str]:
    """Return a registered model's network as an ONNX file, and the id of its run.

    Args:
        settings: Where the registry is.
        uri: `models:/NAME@ALIAS` or `models:/NAME/VERSION`.

    Raises:
        InputError: There is no such model, or it was not registered by `pipeline.register`.
    """
    fetched = _fetch_version(settings, uri)
    return fetched.file, str(fetched.run_id)


def fetch_champion(settings: Tracking) -> Fetched | None:
    """Fetch the champion's network; None if no network is registered.

    Raises:
        InputError: The store does not answer.
    """
    if is_local_store_missing(settings):
        return None
    champion = Champions(open_store(uri_to_read(settings), settings)).current()
    return _fetch_version(settings, version_uri(champion)) if champion else None


@mlflow_errors_as_input_errors
def list_versions(settings: Tracking) -> list[str]:
    """Return the URIs of all registered versions, the newest first.

    Raises:
        InputError: The store does not answer.
    """
    if is_local_store_missing(settings):
        return []
    client = open_store(uri_to_read(settings), settings)
    found = client.search_model_versions(VERSIONS_CONDITION)
    return [version_uri(each) for each in sorted((int(v.version) for v in found), reverse=True)]


def fetch_any(settings: Tracking, name: str) -> Fetched:
    """Fetch a network by a version's number or address, or by the id of its run.

    Raises:
        InputError: There is none.
    """
    if name.isdigit() and not RUN_ID.fullmatch(name):
        return _fetch_version(settings, version_uri(int(name)))
    if name.startswith(URI_SCHEME):
        return _fetch_version(settings, name)
    return _fetch_run(settings, name)


@mlflow_errors_as_input_errors
def _fetch_version(settings: Tracking, uri: str) -> Fetched:
    """Fetch a registered network. It is downloaded once and then cached in the project."""
    version = _resolve(settings, uri)
    network = _cached(cache_name(str(version.source).rpartition("/")[2]))
    if not network.is_file():
        download_network(version, network)
    check_network(version, network)
    accuracy = version.tags.get("test_accuracy")
    name = f"{URI_SCHEME}{version.name}/{version.version}"
    return Fetched(name, network, str(version.run_id), float(accuracy) if accuracy else None)


@mlflow_errors_as_input_errors
def _fetch_run(settings: Tracking, run_id: str) -> Fetched:
    """Fetch the network of a run. It is downloaded once and then cached in the project."""
    candidates = Candidates(open_store(uri_to_read(settings), settings), settings.experiment)
    candidate = candidates.find(run_id)
    network = _cached(candidate.run_id)
    if not network.is_file():
        with (
            tempfile.TemporaryDirectory() as folder,
            replace_when_written(network) as temporary,
        ):
            shutil.copyfile(candidates.download(candidate, Path(folder)), temporary)
    return Fetched(
        candidate.run_id, network, candidate.run_id, candidate.metrics.get("test_accuracy")
    )


def cache_name(model: str) -> str:
    """Return the folder that keeps the network of a logged model, given the model's id.

    By a digest: what a server says must not become a path.
    """
    return hashlib.sha256(model.encode()).hexdigest()[:32]


def _cached(name: str) -> Path:
    return home() / CACHE_NAME / name / NETWORK_NAME


def version_uri(version: int) -> str:
    """Return the URI of a version of the registered model."""
    return f"{URI_SCHEME}{REGISTERED_MODEL}/{version}"


def check_network(version: "ModelVersion", network: Path) -> None:
    """Compare a network's file with the digest that the registry keeps; old versions have none.

    Raises:
        InputError: It is another file than the one that was registered.
    """
    registered = version.tags.get(DIGEST_TAG)
    if registered and hashlib.sha256(network.read_bytes()).hexdigest() != registered:
        raise InputError(
            f"{network}: is not the network that was registered as version {version.version} of "
            f"{version.name} (its SHA-256 differs); delete it to fetch it again, or register anew"
        )


def _resolve(settings: Tracking, uri: str) -> "ModelVersion":
    client = open_store(uri_to_read(settings), settings)
    from mlflow.exceptions import MlflowException

    place = uri.removeprefix(URI_SCHEME)
    by_alias = "@" in place
    name, _, which = place.rpartition("@" if by_alias else "/")
    try:
        find = client.get_model_version_by_alias if by_alias else client.get_model_version
        return find(name, which)
    except MlflowException as error:
        raise InputError(
            f"{uri}: MLflow knows no such model; `digits register run=best` creates "
            f"{URI_SCHEME}{REGISTERED_MODEL}@{CHAMPION}"
        ) from error


def download_network(version: "ModelVersion", network: Path) -> None:
    """Download the network of a model version to a file.

    Raises:
        InputError: The model was not registered by `pipeline.register`.
    """
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory() as folder:
        uri = f"{URI_SCHEME}{version.name}/{version.version}"
        model = Path(download_artifacts(artifact_uri=uri, dst_path=folder))
        served = model / "artifacts" / NETWORK_NAME
        if not served.is_file():
            raise InputError(
                f"{uri}: has no {served.relative_to(model)}; use a model that "
                "`digits register` has registered"
            )
        check_network(version, served)
        with replace_when_written(network) as temporary:
            shutil.copyfile(served, temporary)
