"""Which runs MLflow has, and which of them were deleted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from pipeline.config.schema import Tracking
from pipeline.tracking.addresses import local_store, sqlite_file, tracking_uri, uri_to_read
from pipeline.tracking.cleaning.rows import DELETED, SAME_AS, Rows
from pipeline.tracking.errors import mlflow_errors_as_input_errors
from pipeline.tracking.recording.journal import header_of, journals
from pipeline.tracking.recording.notices import store_folders
from pipeline.tracking.store import open_store

if TYPE_CHECKING:
    from mlflow import MlflowClient

PAGE = 1000


@dataclass(frozen=True)
class KnownRuns:
    """The runs of the local store, and of the one that is configured.

    Attributes:
        alive: The ids of those that were not deleted, that a registered model comes from, or that
            wait to be recorded.
        deleted: The ids of the others.
    """

    alive: frozenset[str]
    deleted: frozenset[str]

    @classmethod
    def find(cls, settings: Tracking) -> Self:
        """Ask the local store and the one that is configured.

        Raises:
            InputError: The store cannot be read, or the server does not answer.
        """
        found: list[tuple[str, bool]] = []
        for uri in dict.fromkeys((local_store(), tracking_uri(settings))):
            file = sqlite_file(uri)
            found += _of_rows(Rows.read(file)) if file else _of_server(settings)
        alive = frozenset(_waiting()) | {run for run, is_alive in found if is_alive}
        return cls(alive, frozenset(run for run, _ in found) - alive)


def _waiting() -> Iterator[str]:
    """Yield the ids of the runs in journals."""
    for folder in store_folders():
        for header in map(header_of, journals(folder)):
            if header is not None:
                yield from header.opening.ids


def _of_rows(rows: Rows) -> Iterator[tuple[str, bool]]:
    """Yield the ids of all runs, and whether each is alive."""
    deleted = {run.id for run in rows.deleted_runs()}
    for run in rows.runs:
        yield run.id, run.id not in deleted
    for run_id, name in rows.names:
        yield name, run_id not in deleted


@mlflow_errors_as_input_errors
def _of_server(settings: Tracking) -> list[tuple[str, bool]]:
    client = open_store(uri_to_read(settings), settings)
    versions = client.search_model_versions(max_results=PAGE)
    return [*_search(client), *((each.run_id, True) for each in versions if each.run_id)]


def _search(client: "MlflowClient") -> Iterator[tuple[str, bool]]:
    from mlflow.entities import ViewType

    everywhere = client.search_experiments(ViewType.ALL, max_results=PAGE)
    ids, token = [each.experiment_id for each in everywhere], None
    while True:
        runs = client.search_runs(ids, "", ViewType.ALL, PAGE, page_token=token)
        for run in runs:
            for name in (run.info.run_id, *(run.data.tags.get(tag) for tag in SAME_AS)):
                if name:
                    yield name, run.info.lifecycle_stage != DELETED
        token = runs.token
        if not token:
            return
