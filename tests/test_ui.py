"""Where MLflow's UI is served, and what is told about it."""

import socket

import pytest

from pipeline import ui
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.system.errors import InputError


@pytest.fixture
def taken():
    with socket.create_server((ui.HOST, 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def start(monkeypatch, capsys):
    """Return a function that starts the UI on a port: it returns the line told, and the port."""
    served = []
    monkeypatch.setattr(ui, "uri_to_read", lambda _: "sqlite:////mlflow.db")
    monkeypatch.setattr(ui, "deliver_waiting", lambda _: True)
    monkeypatch.setattr(ui, "waiting", list)
    monkeypatch.setattr(ui, "save_view", lambda *_: "#/view")
    monkeypatch.setattr(ui, "_serve", lambda _, port: served.append(port))

    def run(port):
        ui.run(validate(compose([])), ui.UiOptions(port=port))
        return capsys.readouterr().out.strip(), *served

    return run


def test_the_next_free_port_is_taken_and_told(start, taken, monkeypatch):
    monkeypatch.setattr(ui, "shows_store", lambda *_: False)
    told, port = start(taken)
    assert port > taken
    assert told == f"open http://127.0.0.1:{port}/#/view (port {taken} is taken)"


def test_what_waits_is_told_first(start, taken, monkeypatch):
    monkeypatch.setattr(ui, "shows_store", lambda *_: False)
    monkeypatch.setattr(ui, "waiting", lambda: ["3 records wait"])
    assert start(taken)[0].startswith("3 records wait\nopen http://")


def test_the_ui_of_this_project_is_not_started_twice(start, taken, monkeypatch):
    monkeypatch.setattr(ui, "shows_store", lambda address, *_: address.endswith(f":{taken}"))
    (told,) = start(taken)
    assert (
        told == f"open http://127.0.0.1:{taken}/#/view, where the UI of this project runs already"
    )


def test_ports_that_cannot_be_had_are_told_in_one_line(taken, monkeypatch):
    monkeypatch.setattr(ui, "PORTS_TRIED", 1)
    with pytest.raises(InputError, match=f"port={taken}: taken"):
        ui.free_port(taken)
