"""Which store is taken, and what a server that does not answer costs."""

import shutil
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support.projects import free_port
from support.recording import SETTINGS, recorded_training

from pipeline import ui
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.system.errors import InputError
from pipeline.tracking.addresses import (
    is_local_store_missing,
    local_store,
    sqlite_file,
    sqlite_uri,
    tracking_uri,
    unreachable_reason,
    uri_to_read,
)
from pipeline.tracking.lookups import find_run
from pipeline.tracking.models import fetch_keras_model
from pipeline.tracking.past_runs import read_trainings, recorded_config
from pipeline.tracking.recording.journal import store_folder
from pipeline.tracking.recording.notices import is_waiting
from pipeline.tracking.registry.fetching import fetch_network, pin
from pipeline.tracking.registry.registry import Registry


def waits(address, key):
    folder = store_folder(address)
    waiting = is_waiting(folder, key)
    # Nobody need try again. The recorder may just be writing a note there.
    shutil.rmtree(folder, ignore_errors=True)
    return waiting


def test_the_environment_wins_over_the_configured_store(monkeypatch):
    configured = SETTINGS.model_copy(update={"uri": "sqlite:////configured.db"})
    assert tracking_uri(configured) == "sqlite:////configured.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////environment.db?timeout=9")
    assert tracking_uri(configured) == "sqlite:////environment.db?timeout=9"


def test_a_relative_file_is_one_in_the_project(store, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    assert tracking_uri(SETTINGS) == local_store() == f"sqlite:///{store}/mlflow.db"


@pytest.mark.parametrize("name", ["%20", "a?b", "100%", "%41%2F?x#y z[1]{q}'", "число 数字", 'a"b'])
def test_the_file_of_an_address_is_found_again_whatever_its_folder_is_called(name, tmp_path):
    """SQLAlchemy decodes an address as it is tested to do here."""
    from sqlalchemy import make_url

    file = tmp_path / name / "mlflow.db"
    assert sqlite_file(sqlite_uri(file)) == file
    assert make_url(sqlite_uri(file)).database == str(file)


def test_a_database_whose_host_does_not_answer_is_not_waited_for(monkeypatch):
    """MLflow would try for two minutes."""
    uri = f"postgresql+psycopg://me:secret@127.0.0.1:{free_port()}/runs"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(InputError, match=r"me:…@127\.0\.0\.1.* does not answer") as caught:
        uri_to_read(SETTINGS)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "file:/x/mlruns",
        "htp://127.0.0.1:5000",
        "127.0.0.1:5000",
        "s3://b/x",
        "sqlite:////dev/null/x",
        "http://127.0.0.1:50OO",
        "http://[",
    ],
)
def test_an_address_that_mlflow_cannot_use_costs_a_recording_a_warning(
    address, client, monkeypatch, caplog
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    run_id = recorded_training()
    (warning,) = [each.message for each in caplog.records if each.levelname == "WARNING"]
    assert warning.startswith(f"{address}: MLflow cannot open this store (")
    assert warning.endswith(f"recording this run in {local_store()} instead")
    assert client.get_run(run_id).info.status == "FINISHED"


def test_what_a_server_refuses_waits_for_it(client, monkeypatch, caplog):
    """It answers to /health alone, as a server does that asks for a password."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/health" else 403)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        key = recorded_training()
        server.shutdown()
    (warning,) = caplog.messages
    assert f"{address}: " in warning
    assert "does not allow this" in warning
    assert waits(address, key)
    assert find_run(client, key) is None


def test_only_the_local_store_is_known_to_be_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert is_local_store_missing(SETTINGS)
    assert not is_local_store_missing(SETTINGS.model_copy(update={"uri": "http://127.0.0.1:1"}))
    (tmp_path / "mlflow.db").touch()
    assert not is_local_store_missing(SETTINGS)


def test_what_is_recorded_waits_for_a_server_that_cannot_be_reached(client, silent_server, caplog):
    key = recorded_training()
    (warning,) = caplog.messages
    assert warning.startswith(f"the MLflow server at {silent_server} does not answer (")
    assert waits(silent_server, key)
    assert find_run(client, key) is None


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


def test_what_answers_and_is_no_server_is_not_taken_for_one(monkeypatch):
    def answer(server):
        with server.accept()[0] as connection:
            connection.recv(1000)
            connection.sendall(b"this is no HTTP\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        assert unreachable_reason(f"http://127.0.0.1:{server.getsockname()[1]}")
