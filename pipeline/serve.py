"""Answer over HTTP which digit is on a picture: `digits serve [port=8000]`.

The champion answers, or the network in models/ if none is registered.
"""

import signal
import socket
import sys
from contextlib import suppress

from pydantic import Field

from pipeline.cli.command import run_tool
from pipeline.config.schema import Config, Options
from pipeline.inventory.readers import CHAMPION, NAMES
from pipeline.service.app import Service, make_app
from pipeline.service.limits import Limits
from pipeline.service.networks import Networks
from pipeline.system.errors import InputError

GRACE_SECONDS = 10


class ServeOptions(Options):
    """Where to serve, and what answers."""

    host: str = Field(
        "127.0.0.1", description="The address to listen at; 0.0.0.0: reachable from everywhere."
    )
    port: int = Field(8000, ge=1, le=65_535, description="The port.")
    network: str | int = Field(CHAMPION, description=NAMES)


def run(config: Config, options: ServeOptions) -> None:
    """Serve until Ctrl-C.

    Raises:
        InputError: The port is taken.
    """
    import uvicorn

    limits = Limits()
    service = Service(Networks(config.tracking, str(options.network)), config.predict, limits)
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(service, limits),
            options.host,
            options.port,
            http="pipeline.service.connections:PromptConnection",
            access_log=False,
            log_config=None,
            log_level="warning",
            timeout_graceful_shutdown=GRACE_SECONDS,
            server_header=False,
        )
    )
    # uvicorn raises a signal again once all requests are answered; this then ends in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    listening = _listen(options)
    print(f"listening at http://{options.host}:{options.port}", flush=True)
    with suppress(KeyboardInterrupt):
        server.run([listening])


def _listen(options: ServeOptions) -> socket.socket:
    try:
        return socket.create_server((options.host, options.port), backlog=1024)
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]  # Python adds what is said here
        raise InputError(
            f"port={options.port} at host={options.host}: {reason}; choose another"
        ) from error


def main() -> None:
    """Run from the command line."""
    run_tool(ServeOptions, run, __doc__)


if __name__ == "__main__":
    main()
