"""The service on a free port, in a thread of the tests."""

import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager

import uvicorn

from pipeline.config.checking import validate
from pipeline.inventory.readers import CHAMPION
from pipeline.service.app import Service, make_app
from pipeline.service.limits import Limits
from pipeline.service.networks import Networks

READY_WITHIN = 120  # seconds: the machine may be busy


class Client:
    """Asks the service; `port` is where it listens."""

    def __init__(self, port):
        self.port = port

    def ask(self, method, address, body=None, **headers):
        """Return status, headers and content of an answer; JSON is decoded."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=READY_WITHIN)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, address, body, named)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if "json" in answer.headers.get("content-type", ""):
            content = json.loads(content)
        return answer.status, answer.headers, content

    def get(self, address):
        """Return status and content."""
        status, _, content = self.ask("GET", address)
        return status, content

    def post(self, address, body, **headers):
        """Return status and content."""
        status, _, content = self.ask("POST", address, body, **headers)
        return status, content

    def wait_until_ready(self):
        """Wait until a network answers."""
        self.wait_until("/ready")

    def wait_until(self, address):
        """Wait until an address answers with 200."""
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until:
            try:
                if self.get(address)[0] == 200:
                    return
            except OSError:
                pass  # not listening yet
            time.sleep(0.05)
        raise AssertionError(f"{address} did not answer with 200")


@contextmanager
def running(tree, limits=None, network=CHAMPION, *, is_ready=True):
    """Run the service on a configuration; yield a client once it is ready, or at least alive."""
    config = validate(tree)
    limits = limits or Limits()
    service = Service(Networks(config.tracking, network), config.predict, limits)
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(service, limits), log_config=None, log_level="warning",
            http="pipeline.service.connections:PromptConnection", timeout_graceful_shutdown=5,
        )
    )  # fmt: skip
    # Bound here, so that no other test can take the port first.
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    client = Client(listener.getsockname()[1])
    try:
        client.wait_until("/ready" if is_ready else "/health")
        yield client
    finally:
        server.should_exit = True
        thread.join(READY_WITHIN)


def multipart(files):
    """Return body and content type of a form with these files: name and content."""
    edge = "edge-of-a-part"
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, content in files
    ]
    return b"".join(parts) + f"--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"
