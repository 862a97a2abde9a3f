"""Show the runs in MLflow's UI: `python -m pipeline.ui [port=5000]`."""

import os
import sys
from typing import Annotated, NoReturn

from pydantic import Field

from pipeline.cli.command import run_tool
from pipeline.config.schema import Config, Options
from pipeline.tracking.addresses import uri_to_read
from pipeline.tracking.saved_view import save_view


class UiOptions(Options):
    """Where to serve MLflow's UI."""

    port: Annotated[int, Field(ge=1, le=65_535)] = 5000


def run(config: Config, options: UiOptions) -> None:
    """Print the UI's address, and start the UI unless a server provides it already."""
    uri = uri_to_read(config.tracking)
    view = save_view(config.tracking, uri)
    if uri.startswith(("http://", "https://")):
        print(f"open {uri.rstrip('/')}/{view}")
        return
    print(f"open http://127.0.0.1:{options.port}/{view}", flush=True)
    _serve(uri, options.port)


def _serve(uri: str, port: int) -> NoReturn:
    """Replace this process by MLflow's server; one worker starts faster than the default four."""
    options = ["--port", str(port), "--workers", "1", "--backend-store-uri", uri]
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "ui", *options])


def main() -> None:
    """Run from the command line."""
    run_tool(UiOptions, run, __doc__)


if __name__ == "__main__":
    main()
