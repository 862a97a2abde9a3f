"""Deliver to MLflow what waits because it did not answer: `digits sync`.

Every command that records or reads runs does so as well, for the store that it uses.
"""

from pipeline.cli.command import run_tool
from pipeline.config.schema import Config, Options
from pipeline.system.errors import InputError
from pipeline.tracking.recording.notices import failing, store_folders, waiting
from pipeline.tracking.recording.starting import ask_for_delivery, deliver


def run(_: Config, __: Options) -> None:
    """Deliver to all stores that something waits for.

    Raises:
        InputError: One of them takes nothing.
    """
    folders = store_folders()
    for folder in folders:
        ask_for_delivery(folder)
    undelivered = [folder for folder in folders if not deliver(folder)]
    if undelivered:
        reasons = [reason for folder in undelivered if (reason := failing(folder))]
        raise InputError("; ".join([*reasons, *waiting()]))
    print("delivered all that waited" if folders else "nothing waits")


def main() -> None:
    """Run from the command line."""
    run_tool(Options, run, __doc__)


if __name__ == "__main__":
    main()
