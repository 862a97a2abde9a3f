"""Report, once per command, where params.yaml differs from the defaults of conf/."""

import logging
import os
from collections.abc import Sequence
from contextlib import suppress

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from pipeline.cli.project.inputs import STAGE_OF_DVC
from pipeline.config.composing import compose
from pipeline.config.places import ROOT
from pipeline.config.trees import Tree, differing_keys
from pipeline.system.errors import InputError
from pipeline.system.files import write_text

log = logging.getLogger(__name__)

# Set in the environment of the stages if the command that runs them reports the drift.
REPORTED_BY_CALLER = "DRIFT_REPORTED_BY_CALLER"
# Identifies the last DVC process whose drift a stage has checked.
LAST_REPORT_FILE = ROOT / ".dvc" / "tmp" / "drift-reported"


WAY_BACK = "; `digits status` says how to go back"


def report_drift(params: Tree, way_back: str = "") -> None:
    """Log in one line where `params`, the content of params.yaml, differs from the defaults."""
    try:
        keys = differing_keys(params, compose([]))
    except (InputError, OSError, HydraException, OmegaConfBaseException):
        return  # conf/ is broken or being edited, but the command needed only params.yaml
    if keys:
        log.info("params.yaml differs from the defaults of conf/ in %s%s", in_short(keys), way_back)


def in_short(keys: Sequence[str]) -> str:
    """List some keys; count those beyond the sixth."""
    return ", ".join(keys[:6]) + (f" and {len(keys) - 6} more" if len(keys) > 6 else "")


def report_drift_of_stage(params: Tree) -> None:
    """Report drift, unless the caller or another stage of the same `dvc repro` does."""
    if REPORTED_BY_CALLER in os.environ:
        return
    if STAGE_OF_DVC in os.environ and _reported_by_another_stage():
        return
    report_drift(params, WAY_BACK)


def _reported_by_another_stage() -> bool:
    """Return whether a stage of this DVC process came first; if not, record that this one did."""
    from pipeline.cli.project.orphans import parent_dvc

    dvc = parent_dvc()
    if dvc is None:
        return False
    mark = f"{dvc.pid} {dvc.create_time()}"
    if LAST_REPORT_FILE.is_file() and LAST_REPORT_FILE.read_text(encoding="utf-8") == mark:
        return True
    with suppress(OSError):  # a second report is better than a failed stage
        write_text(LAST_REPORT_FILE, mark)
    return False
