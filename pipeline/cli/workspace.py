"""This checkout as the place of one experiment at a time."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from pipeline.config.places import ROOT
from pipeline.system.errors import InputError
from pipeline.system.files import sole_user

OWN = ROOT / ".dvc" / "tmp" / "experiment"
OF_DVC = ROOT / ".dvc" / "tmp" / "rwlock"


@contextmanager
def own_params() -> Iterator[None]:
    """Let no other command of ours change params.yaml during the block.

    DVC reads it as a stage begins and once more as it ends: what was changed in between would be
    taken for what the stage has run with.

    Raises:
        InputError: An experiment runs on it, or a stage of DVC's.
    """
    with sole_user(OWN) as alone:
        busy = _writers()
        if not alone or busy:
            who = f" (process {busy[0]})" if busy else ""
            raise InputError(
                f"{ROOT}: an experiment is running here{who} and needs params.yaml unchanged; wait "
                "until it ends. `python -m pipeline.sweep` and `dvc exp run --queue` run several"
            )
        yield


def _writers() -> list[int]:
    """Return the processes of DVC's that are alive and may write outputs here."""
    try:
        kept = json.loads(OF_DVC.read_text(encoding="utf-8"))["write"].values()
        return sorted({writer["pid"] for writer in kept if _is_dvc(writer["pid"])})
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []  # DVC says itself what it thinks of its file


def _is_dvc(process: int) -> bool:
    with suppress(psutil.Error):
        return any("dvc" in word for word in psutil.Process(process).cmdline())
    return False
