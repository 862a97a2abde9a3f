"""Allow one experiment or stage at a time in a checkout."""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from pipeline.config.places import ROOT
from pipeline.system.errors import InputError
from pipeline.system.files import reserve_folder

EXPERIMENT_LOCK = ROOT / ".dvc" / "tmp" / "experiment"
DVC_LOCK = ROOT / ".dvc" / "tmp" / "lock"
"""DVC's own lock, which it holds except while a stage runs."""
PATIENCE = 3.0
"""Seconds to wait for DVC's lock, as DVC itself does: `dvc status`, too, holds it for a moment."""
PATIENCE_OF_STAGES = 60.0
"""The same for a stage that DVC runs: its failure would cost the whole experiment."""

_held: list[FileLock] = []


@contextmanager
def lock_workspace() -> Iterator[None]:
    """Keep our other commands from running stages and from changing params.yaml.

    Raises:
        InputError: One of them is at work here.
    """
    with reserve_folder(EXPERIMENT_LOCK) as alone:
        if not alone:
            raise _busy()
        yield


@contextmanager
def lock_dvc() -> Iterator[None]:
    """Keep DVC from running stages, checking out outputs and changing params.yaml.

    DVC reads params.yaml when a stage begins and again when it ends, and records the latter as what
    the stage ran with. So it must not change in between, though DVC releases its lock then. If the
    process is killed, the system releases the lock.

    Raises:
        InputError: DVC, or a stage, is at work here.
    """
    lock = _acquired(PATIENCE)
    try:
        yield
    finally:
        lock.release()


def hold_dvc_until_exit() -> None:
    """Do as `lock_dvc` does until this process, a stage that DVC runs, has ended.

    Raises:
        InputError: Another DVC command is at work here, and does not end.
    """
    _held.append(_acquired(PATIENCE_OF_STAGES))


def _acquired(patience: float) -> FileLock:
    DVC_LOCK.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(DVC_LOCK, timeout=patience)
    try:
        lock.acquire()
    except Timeout as error:
        raise _busy() from error
    return lock


def _busy() -> InputError:
    return InputError(
        f"{ROOT}: an experiment is running here, and nothing may change beneath it; wait for its "
        "end, or run several at a time with `digits sweep`"
    )
