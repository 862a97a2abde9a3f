"""This checkout as the place of one experiment at a time."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from pipeline.config import ROOT
from pipeline.digits.errors import InputError
from pipeline.digits.files import sole_user

OWN = ROOT / ".dvc" / "tmp" / "experiment"
OF_DVC = ROOT / ".dvc" / "tmp" / "rwlock"


@contextmanager
def own_params() -> Iterator[None]:
    """Keep params.yaml as it is for everyone else during the block.

    DVC reads it as a stage begins and once more as it ends: what was changed in between would be
    taken for what the stage has run with.

    Raises:
        InputError: An experiment runs on it.
    """
    with sole_user(OWN) as alone:
        if not alone or _dvc_is_busy():
            raise InputError(
                f"{ROOT}: an experiment is running here, and params.yaml is its; wait until it "
                "ends. `python -m pipeline.sweep` and `dvc exp run --queue` run several"
            )
        yield


def _dvc_is_busy() -> bool:
    """Say whether a process that is alive has DVC's leave to write outputs here."""
    try:
        writers = json.loads(OF_DVC.read_text(encoding="utf-8"))["write"].values()
    except (OSError, ValueError, LookupError):
        return False
    return any(psutil.pid_exists(writer["pid"]) for writer in writers)
