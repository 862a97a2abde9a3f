"""Allow one experiment at a time in a checkout."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from pipeline.cli.dvc import is_dvc
from pipeline.config.places import ROOT
from pipeline.system.errors import InputError
from pipeline.system.files import reserve_folder

EXPERIMENT_LOCK = ROOT / ".dvc" / "tmp" / "experiment"
DVC_LOCK = ROOT / ".dvc" / "tmp" / "rwlock"


@contextmanager
def lock_params() -> Iterator[None]:
    """Keep our other commands from changing params.yaml during the block.

    DVC reads it when a stage begins and again when it ends, and records the latter as what the
    stage ran with.

    Raises:
        InputError: An experiment is running here, or DVC is running a stage.
    """
    with reserve_folder(EXPERIMENT_LOCK) as alone:
        busy = _writers()
        if not alone or busy:
            who = f" (process {busy[0]})" if busy else ""
            raise InputError(
                f"{ROOT}: an experiment is running here{who} and needs params.yaml unchanged; "
                "wait for its end, or run several with `python -m pipeline.sweep` or "
                "`dvc exp run --queue`"
            )
        yield


def _writers() -> list[int]:
    """Return the ids of live DVC processes that may be writing outputs here."""
    try:
        kept = json.loads(DVC_LOCK.read_text(encoding="utf-8"))["write"].values()
        return sorted({writer["pid"] for writer in kept if _is_alive(writer["pid"])})
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []  # DVC itself reports a damaged file


def _is_alive(dvc: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return is_dvc(psutil.Process(dvc))
    return False
