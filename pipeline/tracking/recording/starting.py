"""Start the recorder process, and wait for what it delivers."""

import fcntl
import hashlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from pipeline.config.places import ROOT, home
from pipeline.config.schema import Tracking
from pipeline.system.errors import in_one_line
from pipeline.system.files import write_text
from pipeline.tracking.addresses import tracking_uri
from pipeline.tracking.recording import notices
from pipeline.tracking.recording.journal import is_abandoned, journals, store_folder
from pipeline.tracking.store import mlflow_environment

log = logging.getLogger(__name__)

SERVER = "pipeline.tracking.recording.server"
SERVER_CODE = ("tracking", "config", "system")
"""Folders of pipeline/ that the recorder process runs code from."""
NO_SETTINGS = ("MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI", "MLFLOW_HTTP_REQUEST_MAX_RETRIES")
"""Variables of one run, or that the recorder process sets itself."""
LOCK, LOG, WANTED = "lock", "recorder.log", "wanted"
PATIENCE = 60.0
"""Seconds to wait for a recorder process that delivers nothing and does not say why."""
POLL_INTERVAL = 0.02  # seconds


@lru_cache
def code_digest() -> str:
    """Return a hash of all that distinguishes recorder processes: their code and environment."""
    digest = hashlib.sha256()
    for part in SERVER_CODE:
        for file in sorted((ROOT / "pipeline" / part).rglob("*.py")):
            digest.update(file.read_bytes())
    settings = sorted(
        (key, value)
        for key, value in mlflow_environment().items()
        if key.startswith("MLFLOW_") and key not in NO_SETTINGS
    )
    digest.update(repr((sys.executable, settings)).encode())
    return digest.hexdigest()[:16]


def ensure_server(folder: Path) -> None:
    """Start the recorder process of a store unless it runs.

    It inherits a lock, which nobody else gets before it ends.
    """
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        notices.clear_failing(folder)
        _spawn(folder, lock)
    except BlockingIOError:
        pass  # it runs
    finally:
        os.close(lock)


def _spawn(folder: Path, lock: int) -> None:
    # The variables are set only for the new process: setting one here while another thread reads
    # one, as TensorFlow's do, causes a segmentation fault.
    environment = mlflow_environment() | {"PYTHONPATH": str(ROOT), "DVC_ROOT": str(home())}
    environment.pop("MLFLOW_RUN_ID", None)
    with (folder / LOG).open("w") as errors:
        # -P and PYTHONPATH make it run the code of this process. The working directory is home():
        # the copy in which a queued experiment runs is deleted soon.
        subprocess.Popen(
            [sys.executable, "-P", "-m", SERVER, str(folder), str(lock)],
            cwd=home(),
            env=environment,
            pass_fds=[lock],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )


def wait_for_server(folder: Path, is_done: Callable[[], bool]) -> bool:
    """Wait while a store's recorder process gets on; return whether it is done.

    It is started again if it was killed. As soon as the store fails, nothing is waited for.
    """
    seen, looked, until = -1, 0.0, 0.0
    while not (done := is_done()):
        now = time.monotonic()
        if (taken := _taken(folder)) != seen:
            seen, until = taken, now + PATIENCE
        if notices.failing(folder) or now > until:
            break
        if now > looked + 1:
            looked = now
            if not look_after(folder):
                break
        time.sleep(POLL_INTERVAL)
    look_after(folder)
    return done


def look_after(folder: Path) -> bool:
    """Log what the recorder process has to say, and see to it that it runs, if it may help.

    Returns:
        Whether that was possible: the disk may be full.
    """
    try:
        notices.tell(folder)
        if not notices.failing(folder) and journals(folder):
            ensure_server(folder)
    except OSError as error:
        log.warning("MLflow's recorder process cannot be started (%s)", in_one_line(error))
        return False
    return True


def _taken(folder: Path) -> int:
    """Return a number that changes whenever something is delivered."""
    size = 0
    for file in folder.glob("*.taken"):
        with suppress(FileNotFoundError):
            size += 1 + file.stat().st_size
    return size


def deliver(folder: Path) -> bool:
    """Wait until all is delivered that nobody writes any more; return whether it is."""
    ended = [each for each in journals(folder) if is_abandoned(each)]
    return wait_for_server(folder, lambda: not any(each.exists() for each in ended))


def deliver_waiting(settings: Tracking) -> bool:
    """Deliver what waits for the configured store; return whether nothing waits any more."""
    folder = store_folder(tracking_uri(settings))
    ask_for_delivery(folder)
    return deliver(folder)


def ask_for_delivery(folder: Path) -> None:
    """Have a failing store tried at once, by a recorder process that knows our password."""
    if folder.is_dir():
        write_text(folder / WANTED, code_digest())
        notices.clear_failing(folder)
