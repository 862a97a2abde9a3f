"""The ids of networks' MLflow runs: in the files beside the networks, and in the store."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

from pipeline.config.places import RUN_ID_NAME, home
from pipeline.config.schema import Tracking
from pipeline.tracking.addresses import ARTIFACTS_NAME, sqlite_file, tracking_uri
from pipeline.tracking.names import REPLACES_TAG, RUN_ID, RUN_KEY_TAG
from pipeline.tracking.recording.journal import store_folder
from pipeline.tracking.recording.notices import is_waiting

log = logging.getLogger(__name__)

FILE = "file://"
RECORDED_AS = f"""
SELECT run_uuid, artifact_uri FROM runs WHERE lifecycle_stage = 'active' AND (
    run_uuid = :id
    OR run_uuid IN (SELECT run_uuid FROM tags WHERE key = '{RUN_KEY_TAG}' AND value = :id)
    OR run_uuid IN (SELECT run_uuid FROM tags WHERE key = '{REPLACES_TAG}' AND value = :id)
    AND run_uuid IN (SELECT run_uuid FROM tags WHERE key = 'stage' AND value = 'train')
)
"""


def read_run_id(folder: Path) -> str | None:
    """Return the id of the MLflow run of the network in a folder; None if unknown."""
    try:
        written = (folder / RUN_ID_NAME).read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    return written if RUN_ID.fullmatch(written) else None


def recorded_as(settings: Tracking, run_id: str) -> str | None:
    """Return the id of the run that holds a training: its own, or that of its second record.

    One whose records wait to be delivered is as good as recorded. One whose artifacts were deleted
    holds nothing that can be used.

    Looks into a SQLite store without MLflow, whose import takes seconds. A server is not asked: it
    is taken to hold its own run.
    """
    database = sqlite_file(tracking_uri(settings))
    if database is None or is_waiting(store_folder(tracking_uri(settings)), run_id):
        return run_id
    if not database.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as store:
            found = store.execute(RECORDED_AS, {"id": run_id}).fetchall()
    except sqlite3.Error:
        return run_id  # locked, or not MLflow's: whoever records will say so
    return next((str(run) for run, artifacts in found if not _is_deleted(artifacts)), None)


def _is_deleted(artifacts: str) -> bool:
    """Return whether a run's folder is gone, also from beside a store that was moved with it."""
    if not artifacts.startswith(FILE):
        return False
    folder = unquote(artifacts.removeprefix(FILE))
    moved = home() / ARTIFACTS_NAME / folder.partition(f"/{ARTIFACTS_NAME}/")[2]
    return not (Path(folder).is_dir() or moved.is_dir())


def interrupted_run_id(checkpoint: Path | None) -> str | None:
    """Return the id of an interrupted training's run; None if there is none.

    Args:
        checkpoint: The folder of the training's state; None if another process is using it.
    """
    if checkpoint is None:
        log.warning(
            "the same training is under way elsewhere; if interrupted, this one will start over"
        )
        return None
    return read_run_id(checkpoint)
