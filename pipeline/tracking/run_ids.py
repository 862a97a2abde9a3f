"""The id of the MLflow run that a network is from, in a file beside it."""

import logging
import re
from pathlib import Path

from pipeline.config.places import RUN_ID_NAME

log = logging.getLogger(__name__)

RUN_ID = re.compile("[0-9a-f]{32}")


def read_run_id(folder: Path) -> str | None:
    """Return the id of the MLflow run that a folder's network is from; None if not known."""
    try:
        written = (folder / RUN_ID_NAME).read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    return written if RUN_ID.fullmatch(written) else None


def begun_run_id(checkpoint: Path | None) -> str | None:
    """Return the id of the run to go on with, of a training that was interrupted.

    Args:
        checkpoint: Where its state is kept; None if another process is at it.
    """
    if checkpoint is None:
        log.warning("the same training is under way elsewhere: this one cannot be taken up again")
        return None
    return read_run_id(checkpoint)
