"""Tell, once a command, where params.yaml differs from what conf/ composes to by default."""

import logging
import os
from contextlib import suppress

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from pipeline.config.composing import compose
from pipeline.config.places import ROOT
from pipeline.config.trees import Tree, differing_keys
from pipeline.system.errors import InputError
from pipeline.system.files import write_text

log = logging.getLogger(__name__)

# In the environment of the stages if the command that starts them tells it.
REPORTED_BY_CALLER = "DRIFT_REPORTED_BY_CALLER"
STAGE_OF_DVC = "DVC_STAGE"  # in the environment of what DVC runs
# Names the process of DVC whose first stage has told it, or had nothing to tell.
LAST_REPORT_FILE = ROOT / ".dvc" / "tmp" / "drift-reported"


def report_drift(given: Tree) -> None:
    """Say in one line where `given`, the content of params.yaml, is not the default."""
    try:
        keys = differing_keys(given, compose([]))
    except (InputError, OSError, HydraException, OmegaConfBaseException):
        return  # conf/ is broken or being edited, but the command needed only params.yaml
    if keys:
        listed = ", ".join(keys[:6]) + (f" and {len(keys) - 6} more" if len(keys) > 6 else "")
        log.info("params.yaml differs from the defaults of conf/ in %s", listed)


def report_drift_of_stage(given: Tree) -> None:
    """Tell the drift, unless the caller or another stage of the same `dvc repro` does."""
    if REPORTED_BY_CALLER in os.environ:
        return
    if STAGE_OF_DVC in os.environ and _reported_by_another_stage():
        return
    report_drift(given)


def _reported_by_another_stage() -> bool:
    """Say whether a stage of the same process of DVC was here before; if not, note this one."""
    from pipeline.cli.dvc import parent_dvc

    dvc = parent_dvc()
    if dvc is None:
        return False
    mark = f"{dvc.pid} {dvc.create_time()}"
    if LAST_REPORT_FILE.is_file() and LAST_REPORT_FILE.read_text(encoding="utf-8") == mark:
        return True
    with suppress(OSError):  # told once more then: no reason to fail a stage that is done
        write_text(LAST_REPORT_FILE, mark)
    return False
