"""One local store for all tests of this folder: making a database takes seconds."""

import pytest
from support.projects import free_port


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """Return the folder of the store."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def in_store(store, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(store))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def client(store):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{store / 'mlflow.db'}")


@pytest.fixture
def silent_server(monkeypatch):
    """Name a server that is not there; return its address."""
    address = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    return address


@pytest.fixture
def keras_file(tmp_path):
    """Return a file that stands for a saved network: MLflow copies it without looking inside."""
    path = tmp_path / "model.keras"
    path.write_bytes(b"a network")
    return path
