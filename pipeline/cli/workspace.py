"""One experiment at a time runs in a checkout."""

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
    """Keep other commands of ours from changing params.yaml during the block.

    DVC reads it when a stage begins and again when it ends, and takes what it then finds for what
    the stage has run with.

    Raises:
        InputError: An experiment is running on it, or DVC runs a stage.
    """
    with reserve_folder(EXPERIMENT_LOCK) as alone:
        busy = _writers()
        if not alone or busy:
            who = f" (process {busy[0]})" if busy else ""
            raise InputError(
                f"{ROOT}: an experiment is running here{who} and needs params.yaml unchanged; wait "
                "until it ends. `python -m pipeline.sweep` and `dvc exp run --queue` run several"
            )
        yield


def _writers() -> list[int]:
    """Return the live processes of DVC that may write outputs here."""
    try:
        kept = json.loads(DVC_LOCK.read_text(encoding="utf-8"))["write"].values()
        return sorted({writer["pid"] for writer in kept if _is_alive(writer["pid"])})
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []  # DVC says itself what it thinks of its file


def _is_alive(dvc: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return is_dvc(psutil.Process(dvc))
    return False
