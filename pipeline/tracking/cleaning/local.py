"""What lies in the local store and is needed by no run: what was deleted, and strays."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

from pipeline.config.places import home
from pipeline.config.schema import Tracking
from pipeline.tracking.addresses import ARTIFACTS_NAME, STORE_NAME, local_store
from pipeline.tracking.cleaning.rows import Model, Rows, Run
from pipeline.tracking.errors import mlflow_errors_as_input_errors
from pipeline.tracking.store import FILE, MLFLOW_ARTIFACTS_NAME, open_store

OF_RUN, OF_MODEL = re.compile("[0-9a-f]{32}"), re.compile("m-[0-9a-f]{32}")
MODELS_NAME = "models"


def read_rows() -> Rows:
    """Read the local store.

    Raises:
        InputError: It cannot be read.
    """
    return Rows.read(home() / STORE_NAME)


def folders_of_deleted(rows: Rows) -> list[Path]:
    """Return the folders of the artifacts of deleted runs and models, as far as they lie here."""
    gone: list[Run | Model] = [*rows.deleted_runs(), *rows.deleted_models()]
    return [folder for each in gone if (folder := _folder(each.artifacts)) and folder.is_dir()]


def stray_folders() -> list[Path]:
    """Return the folders of artifacts whose runs or models the local store does not have.

    The folders are listed before the store is read, and a run is in the store before it has a
    folder: so that of a run which begins meanwhile is none of them.
    """
    candidates = list(_candidates())
    if not (home() / STORE_NAME).is_file():
        return []  # moved away, perhaps to be brought back
    rows = read_rows()
    known = {run.id for run in rows.runs} | {model.id for model in rows.models}
    return [folder for folder in candidates if folder.name not in known]


def _candidates() -> Iterator[Path]:
    for experiment in _subfolders([home() / ARTIFACTS_NAME]):
        yield from (each for each in _subfolders([experiment]) if OF_RUN.fullmatch(each.name))
        models = _subfolders([experiment / MODELS_NAME])
        yield from (each for each in models if OF_MODEL.fullmatch(each.name))


def _subfolders(folders: Iterable[Path]) -> list[Path]:
    return [
        each
        for folder in folders
        if folder.is_dir()
        for each in sorted(folder.iterdir())
        if each.is_dir() and not each.is_symlink()
    ]


def _folder(uri: str) -> Path | None:
    """Return what holds the `artifacts` of a run or model; None if it is not beside the store."""
    place = Path(unquote(uri.removeprefix(FILE))).parent
    homes = (home() / ARTIFACTS_NAME, home() / MLFLOW_ARTIFACTS_NAME)
    inside = any(place.is_relative_to(each) and place != each for each in homes)
    return place if inside else None


@mlflow_errors_as_input_errors
def forget(rows: Rows, settings: Tracking) -> None:
    """Delete from the local store for good what was deleted, as `mlflow gc` does.

    That command cannot be told to keep the runs of registered models.
    """
    client = open_store(local_store(), settings)
    store = client._tracking_client.store
    for model in rows.deleted_models():
        store._hard_delete_logged_model(model.id)
    for run in rows.deleted_runs():
        store._hard_delete_run(run.id)
    for experiment in rows.deleted_experiments():
        store._hard_delete_experiment(str(experiment))
