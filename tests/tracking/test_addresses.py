"""Which store is taken, and what a server that does not answer costs."""

import socket
import threading

import pytest
from support.recording import SETTINGS, recorded_training

from pipeline import ui
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.system.errors import InputError
from pipeline.tracking.addresses import is_local_store_missing, tracking_uri
from pipeline.tracking.models import fetch_keras_model
from pipeline.tracking.past_runs import read_trainings, recorded_config
from pipeline.tracking.registry.fetching import fetch_network, pin
from pipeline.tracking.registry.registry import Registry


def test_the_environment_wins_over_the_configured_store(monkeypatch):
    configured = SETTINGS.model_copy(update={"uri": "sqlite:///configured.db"})
    assert tracking_uri(configured) == "sqlite:///configured.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///environment.db")
    assert tracking_uri(configured) == "sqlite:///environment.db"


def test_only_the_local_store_is_known_to_be_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert is_local_store_missing(SETTINGS)
    assert not is_local_store_missing(SETTINGS.model_copy(update={"uri": "http://127.0.0.1:1"}))
    (tmp_path / "mlflow.db").touch()
    assert not is_local_store_missing(SETTINGS)


@pytest.mark.usefixtures("silent_server")
def test_a_server_that_cannot_be_reached_costs_a_recording_a_warning(client, caplog):
    run_id = recorded_training()
    assert "does not answer" in caplog.text
    assert client.get_run(run_id).info.status == "FINISHED"


@pytest.mark.parametrize(
    "read",
    [
        lambda _: ui.run(validate(compose([])), ui.UiOptions()),
        lambda _: read_trainings(SETTINGS, None, 1),
        lambda _: recorded_config(SETTINGS, "0" * 32),
        lambda _: Registry.open(SETTINGS),
        lambda _: pin(SETTINGS, "models:/digits@champion"),
        lambda _: fetch_network(SETTINGS, "models:/digits/1"),
        lambda folder: fetch_keras_model(SETTINGS, "0" * 32, folder),
    ],
    ids=["ui", "report", "promote", "register", "pin", "predict", "init_from"],
)
def test_reading_from_a_server_that_cannot_be_reached_is_refused(
    read, silent_server, tmp_path, monkeypatch
):
    """The local store holds other runs and other models."""
    monkeypatch.setattr(ui, "_serve", lambda *_: pytest.fail("serves another store"))
    with pytest.raises(InputError, match=f"{silent_server} does not answer .*; start it") as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:50OO", "http://[", "http://127.0.0.1:{port}"]
)
def test_an_address_of_no_server_costs_a_warning(address, client, monkeypatch, caplog):
    def answer(server):
        with server.accept()[0] as connection:
            connection.recv(1000)
            connection.sendall(b"this is no HTTP\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        if "port" in address:
            address = address.format(port=server.getsockname()[1])
            threading.Thread(target=answer, args=(server,), daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        run_id = recorded_training()
    assert "does not answer" in caplog.text
    assert client.get_run(run_id).info.status == "FINISHED"
