"""What sweeps, interrupted trainings and Hydra left that nothing needs any more."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from pipeline.config.places import ROOT, home
from pipeline.experiments.comparing.snapshot import History
from pipeline.experiments.state import STATE
from pipeline.experiments.trial import sweeps_dir
from pipeline.leftovers.removal import Leftovers, subfolders
from pipeline.tracking.cleaning.known import KnownRuns
from pipeline.tracking.registry.fetching import CACHE_NAME, cache_name
from pipeline.tracking.run_ids import read_run_id

HYDRAS = ("outputs", "multirun")
DVCS_COPIES = (".dvc/tmp/exps", ".dvc/tmp/exps/standalone")
HYDRAS_OWN = {".hydra", "multirun.yaml"}


def leftovers_of_sweeps(known: KnownRuns) -> Iterator[Leftovers]:
    """Yield the folders of sweeps whose runs were deleted, and the outcomes of their trials.

    The copies of prepared data are always among them: the next sweep makes them again.
    """
    states = {folder: _state(folder) for folder in subfolders(sweeps_dir())}
    gone = [folder for folder, state in states.items() if state.get("run_id") in known.deleted]
    trials = {key for folder in gone for key in states[folder].get("runs", {})}
    trials -= {
        key
        for folder, state in states.items()
        if folder not in gone
        for key in state.get("runs", {})
    }
    outcomes = (sweeps_dir() / "trials" / f"{key}.json" for key in sorted(trials))
    yield Leftovers("sweeps whose runs were deleted", [*gone, *filter(Path.is_file, outcomes)])
    yield Leftovers(
        "copies of prepared data, which the next sweep makes again",
        [*subfolders(sweeps_dir() / "data"), *sweeps_dir().glob("pictures-*")],
    )


def _state(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def other_leftovers(known: KnownRuns, registered: Collection[str] | None) -> Iterator[Leftovers]:
    """Yield what belongs to deleted runs or is no part of anything.

    Args:
        known: The runs that MLflow has.
        registered: The logged models that versions are registered of; None if that is unknown.
    """
    checkpoints = subfolders(home() / ".checkpoints")
    gone = [folder for folder in checkpoints if read_run_id(folder) in known.deleted]
    yield Leftovers("interrupted trainings whose runs were deleted", gone)
    fetched = subfolders(home() / CACHE_NAME) if registered is not None else []
    needed = {cache_name(model) for model in registered or ()}
    old = [folder for folder in fetched if folder.name not in needed]
    yield Leftovers("networks of versions that are no longer registered", old)
    yield Leftovers("past experiments that no comparison names", History.here().strays())
    copies = [each for place in DVCS_COPIES for each in (home() / place).glob("tmp*")]
    yield Leftovers("checkouts in which DVC ran experiments that were killed", copies)
    yield Leftovers("what Hydra leaves without this project's settings", list(_of_hydra()))


def _of_hydra() -> Iterator[Path]:
    """Yield Hydra's folders, unless there is anything else in them."""
    for folder in (ROOT / name for name in HYDRAS):
        files = [each for each in folder.rglob("*") if each.is_file()]
        if files and all(HYDRAS_OWN & {*file.parts} or file.suffix == ".log" for file in files):
            yield folder
