"""Health, version, counts and description of the service."""

from importlib import metadata

from support.networks import write_reader
from support.projects import wait_for
from support.service import READY_WITHIN, running

from pipeline.inventory import readers
from pipeline.service import app


def test_health_and_readiness(client):
    assert client.get("/health") == (200, b"ok\n")
    assert client.get("/ready") == (200, b"ready\n")


def test_without_a_network_it_is_alive_but_not_ready_until_there_is_one(
    untracked, models, tmp_path, monkeypatch
):
    monkeypatch.setattr(readers, "ONNX_FILE", tmp_path / "model.onnx")
    monkeypatch.setattr(app, "REFRESH_SECONDS", 0.1)
    with running(untracked, is_ready=False) as client:
        assert client.get("/health")[0] == 200
        assert client.get("/ready")[0] == 503
        write_reader(tmp_path / "model.onnx", 14)
        client.wait_until_ready()


def test_a_network_trained_anew_answers_next(untracked, models, tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "ONNX_FILE", write_reader(tmp_path / "a.onnx", 14, title="old"))
    monkeypatch.setattr(app, "REFRESH_SECONDS", 0.1)
    with running(untracked) as client:
        write_reader(tmp_path / "a.onnx", 14, title="new")
        wait_for(lambda: client.get("/version")[1]["title"] == "new", READY_WITHIN, every=0.05)


def test_the_version_names_the_network(client):
    assert client.get("/version") == (
        200,
        {"name": "local", "run_id": None, "test_accuracy": None, "title": "mlp 8 · 1 epoch"},
    )


def test_requests_and_pictures_are_counted_for_prometheus(client, seven):
    before = client.get("/metrics")[1].decode()
    client.post("/read", seven)
    after = client.get("/metrics")[1].decode()

    def count(text):
        lines = [line for line in text.splitlines() if line.startswith("digits_pictures_total{")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    assert count(after) == count(before) + 1
    assert 'digits_requests_total{path="/read",status="200"}' in after
    assert 'digits_network_info{name="local",run_id=""} 1.0' in after


def test_openapi_describes_every_address_with_an_example(client):
    _, description = client.get("/openapi.json")
    assert set(description["paths"]) == {
        *("/read", "/invocations", "/health", "/ready", "/version", "/networks", "/metrics"),
        *("/corrections", "/corrections/{name}"),
    }
    assert description["components"]["schemas"]["Answer"]["examples"]
    assert description["info"]["version"] == metadata.version("digit-pipeline")


def test_the_page_loads_nothing_from_elsewhere(client):
    status, headers, content = client.ask("GET", "/")
    assert status == 200
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert b"//" not in content.replace(b"data:,", b"")
