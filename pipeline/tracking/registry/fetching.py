"""Download the network of a registered model."""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.places import home
from pipeline.config.schema import Tracking
from pipeline.system.errors import InputError
from pipeline.system.files import replace_when_written
from pipeline.tracking.addresses import uri_to_read
from pipeline.tracking.errors import mlflow_errors_as_input_errors
from pipeline.tracking.registry.names import CHAMPION, DIGEST_TAG, NETWORK, REGISTERED_MODEL
from pipeline.tracking.store import open_store

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

URI_SCHEME = "models:/"
NETWORK_NAME = Path(NETWORK).name
CACHE_NAME = ".registry"


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


@mlflow_errors_as_input_errors
def fetch_network(settings: Tracking, uri: str) -> tuple[Path, str]:
    """Return a registered model's network as an ONNX file, and the id of its run.

    A network is downloaded once and then cached in the project.

    Args:
        settings: Where the registry is.
        uri: `models:/NAME@ALIAS` or `models:/NAME/VERSION`.

    Raises:
        InputError: There is no such model, or it was not registered by `pipeline.register`.
    """
    version = _resolve(settings, uri)
    # By a digest: what a server says must not become a path.
    name = hashlib.sha256(str(version.source).encode()).hexdigest()[:32]
    network = home() / CACHE_NAME / name / NETWORK_NAME
    if not network.is_file():
        download_network(version, network)
    check_network(version, network)
    return network, str(version.run_id)


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
            f"{uri}: MLflow knows no such model; `python -m pipeline.register run=best` creates "
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
                "`python -m pipeline.register` has registered"
            )
        check_network(version, served)
        with replace_when_written(network) as temporary:
            shutil.copyfile(served, temporary)
