"""Read the id of a network's MLflow run from the file beside the network."""

import logging
import re
from pathlib import Path

from pipeline.config.places import RUN_ID_NAME

log = logging.getLogger(__name__)

RUN_ID = re.compile("[0-9a-f]{32}")


def read_run_id(folder: Path) -> str | None:
    """Return the id of the MLflow run of the network in a folder; None if it is not known."""
    try:
        written = (folder / RUN_ID_NAME).read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    return written if RUN_ID.fullmatch(written) else None


def begun_run_id(checkpoint: Path | None) -> str | None:
    """Return the id of the run that an interrupted training began; None if there is none.

    Args:
        checkpoint: The folder of the training's state; None if another process is using it.
    """
    if checkpoint is None:
        log.warning(
            "the same training is under way elsewhere; if this one is interrupted, it starts over"
        )
        return None
    return read_run_id(checkpoint)
