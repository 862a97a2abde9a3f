"""Show the runs in MLflow's UI: `digits ui [port=5000]`."""

import errno
import os
import socket
import sys
from typing import NoReturn

from pydantic import Field

from pipeline.cli.command import run_tool
from pipeline.cli.serving import become_keeper_of
from pipeline.config.schema import Config, Options
from pipeline.system.errors import InputError
from pipeline.tracking.addresses import uri_to_read
from pipeline.tracking.recording.notices import waiting
from pipeline.tracking.recording.starting import deliver_waiting
from pipeline.tracking.saved_view import save_view
from pipeline.tracking.store import shows_store

HOST = "127.0.0.1"
PORTS_TRIED = 100


class UiOptions(Options):
    """Where to serve MLflow's UI."""

    port: int = Field(
        5000, ge=1, le=65_535, description="The port; if it is taken, the next free one."
    )


def run(config: Config, options: UiOptions) -> None:
    """Print the UI's address, and start the UI unless it runs already."""
    deliver_waiting(config.tracking)
    for line in waiting():
        print(line)
    uri = uri_to_read(config.tracking)
    view = save_view(config.tracking, uri)
    if uri.startswith(("http://", "https://")):
        print(f"open {uri.rstrip('/')}/{view}")
        return
    port = free_port(options.port)
    wanted = f"http://{HOST}:{options.port}"
    if port != options.port and shows_store(wanted, uri, config.tracking):
        print(f"open {wanted}/{view}, where the UI of this project runs already")
        return
    taken = "" if port == options.port else f" (port {options.port} is taken)"
    print(f"open http://{HOST}:{port}/{view}{taken}", flush=True)
    _serve(uri, port)


def free_port(wanted: int) -> int:
    """Return the first free port from `wanted` on.

    Raises:
        InputError: Many ports are taken, or this user may not have them.
    """
    for port in range(wanted, min(wanted + PORTS_TRIED, 65_536)):
        try:
            socket.create_server((HOST, port)).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise InputError(f"port={wanted}: {error.strerror}; choose another") from error
        else:
            return port
    raise InputError(f"port={wanted}: taken, like those after it; choose another")


def _serve(uri: str, port: int) -> NoReturn:
    """Replace this process by MLflow's server; one worker starts faster than the default four."""
    # Its job consumers, for features not used here, take four times its own memory.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    options = ["--host", HOST, "--port", str(port), "--workers", "1", "--backend-store-uri", uri]
    quiet = ["--uvicorn-opts", "--log-level=warning"]
    become_keeper_of([sys.executable, "-m", "mlflow", "ui", *options, *quiet])


def main() -> None:
    """Run from the command line."""
    run_tool(UiOptions, run, __doc__)


if __name__ == "__main__":
    main()
