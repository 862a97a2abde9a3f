"""Clear what a killed DVC leaves in its folder, so that the next one is not refused.

DVC, too, removes the locks of processes that are gone. But it takes a process that has ended and
that nobody has collected (as in many containers) for a running one, and so any that has the same
number by now. And it writes two of its files in place.
"""

import json
import logging
import time
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import psutil
import yaml
from filelock import FileLock

from pipeline.config.places import ROOT
from pipeline.config.trees import Tree
from pipeline.system.files import write_text
from pipeline.system.machine import is_running

log = logging.getLogger(__name__)

RWLOCK = ROOT / ".dvc" / "tmp" / "rwlock"
"""DVC's list of who reads and writes what; RWLOCK.lock guards it."""
EXPERIMENTS_RWLOCK = ROOT / ".dvc" / "tmp" / "exps" / "rwlock"
LOCK_FILE = ROOT / "dvc.lock"
PATIENCE = 5.0
"""Seconds to wait for a DVC that is about to end, since the command that ran it was killed."""


def is_dvc(process: psutil.Process) -> bool:
    """Return whether a process runs DVC."""
    with suppress(psutil.Error):
        return any("dvc" in word for word in process.cmdline())
    return False


def clear_leftovers() -> None:
    """Remove the locks of DVC processes that are gone, and a dvc.lock that was cut off."""
    until = time.monotonic() + PATIENCE
    while clear_locks() and time.monotonic() < until:
        time.sleep(0.1)
    _remove_dead(EXPERIMENTS_RWLOCK)  # those of queued experiments keep nobody out
    if LOCK_FILE.is_file() and not _is_whole(LOCK_FILE):
        log.info("dvc.lock was cut off by a kill; removed, DVC writes it anew")
        LOCK_FILE.unlink()


def holders() -> set[int]:
    """Return the ids of the processes that hold a lock of DVC's, whether or not they still run.

    Raises:
        OSError: There is no list of locks.
        ValueError: It was cut off.
    """
    locks = json.loads(RWLOCK.read_text(encoding="utf-8"))
    readers = chain.from_iterable(locks.get("read", {}).values())
    return {int(each["pid"]) for each in chain(locks.get("write", {}).values(), readers)}


def clear_locks() -> bool:
    """Remove DVC's locks of processes that are gone; return whether others remain."""
    return _remove_dead(RWLOCK)


def _remove_dead(file: Path) -> bool:
    """Remove the locks of processes that are gone from a list; return whether others remain."""
    if not file.is_file():
        return False
    with FileLock(file.with_name(f"{file.name}.lock"), timeout=PATIENCE):
        text = file.read_text(encoding="utf-8")
        try:
            locks = json.loads(text)
        except ValueError:  # cut off, so that DVC would refuse to read it
            locks = {}
        kept = {"write": _written(locks.get("write", {})), "read": _read(locks.get("read", {}))}
        if kept != locks:
            write_text(file, json.dumps(kept))
    return any(kept.values())


def _written(locks: Tree) -> Tree:
    return {path: holder for path, holder in locks.items() if _is_held(holder)}


def _read(locks: Tree) -> Tree:
    living = {path: list(filter(_is_held, holders)) for path, holders in locks.items()}
    return {path: holders for path, holders in living.items() if holders}


def _is_held(holder: Tree) -> bool:
    pid = int(holder["pid"])
    try:
        return is_running(pid) and is_dvc(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def _is_whole(lock_file: Path) -> bool:
    """Return whether dvc.lock can be read, and each stage in it."""
    try:
        content = yaml.safe_load(lock_file.read_text(encoding="utf-8"))
        return all(_is_stage(stage) for stage in content["stages"].values())
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError):
        return False


def _is_stage(stage: Any) -> bool:
    files = [*stage.get("deps", []), *stage.get("outs", [])]
    return "cmd" in stage and all("path" in file for file in files) and None not in stage.values()
