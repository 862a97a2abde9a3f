"""What a SQLite store of MLflow's says of its runs and models, read without importing MLflow."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

from pipeline.system.errors import InputError
from pipeline.tracking.names import REPLACES_TAG, RUN_KEY_TAG

DELETED = "deleted"
SAME_AS = (REPLACES_TAG, RUN_KEY_TAG)
"""Tags that hold another id by which files name a run."""


class Run(NamedTuple):
    """A row of `runs`."""

    id: str
    stage: str
    experiment: int
    artifacts: str


class Model(NamedTuple):
    """A row of `logged_models`."""

    id: str
    stage: str
    run: str | None
    artifacts: str


@dataclass(frozen=True)
class Rows:
    """The rows of a store, as far as they say what is needed."""

    runs: Sequence[Run]
    models: Sequence[Model]
    experiments: Sequence[tuple[int, str]]
    versions: Sequence[tuple[str | None, str | None]]
    names: Sequence[tuple[str, str]]

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a store; all is empty if there is none.

        Raises:
            InputError: It cannot be read.
        """
        if not file.is_file():
            return cls((), (), (), (), ())
        try:
            with closing(
                sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=20)
            ) as store:
                return cls(*_tables(store))
        except sqlite3.Error as error:
            raise InputError(f"{file}: cannot be read ({error})") from error

    @cached_property
    def registered_models(self) -> set[str]:
        """The logged models that a registered version is."""
        sources = {source for _, source in self.versions}
        return {model.id for model in self.models if f"models:/{model.id}" in sources}

    @cached_property
    def registered_runs(self) -> set[str]:
        """The runs that a registered version comes from."""
        sources = {model.run for model in self.models if model.id in self.registered_models}
        return {run for run in {*sources, *(run for run, _ in self.versions)} if run}

    def deleted_runs(self) -> list[Run]:
        """Return the deleted runs that no registered version comes from."""
        return [
            run for run in self.runs if run.stage == DELETED and run.id not in self.registered_runs
        ]

    def deleted_models(self) -> list[Model]:
        """Return the models that were deleted, or whose runs were, and that none registered."""
        gone = {run.id for run in self.deleted_runs()}
        return [
            model
            for model in self.models
            if (model.stage == DELETED or model.run in gone)
            and model.id not in self.registered_models
        ]

    def deleted_experiments(self) -> list[int]:
        """Return the deleted experiments that hold nothing but what was deleted."""
        gone = {run.id for run in self.deleted_runs()}
        kept = {run.experiment for run in self.runs if run.id not in gone}
        return [key for key, stage in self.experiments if stage == DELETED and key not in kept]


def _tables(store: sqlite3.Connection) -> list[list[Any]]:
    marks = ", ".join("?" * len(SAME_AS))
    rows = store.execute("SELECT run_uuid, lifecycle_stage, experiment_id, artifact_uri FROM runs")
    models = store.execute(
        "SELECT model_id, lifecycle_stage, source_run_id, artifact_location FROM logged_models"
    )
    return [
        [Run(*row) for row in rows],
        [Model(*row) for row in models],
        store.execute("SELECT experiment_id, lifecycle_stage FROM experiments").fetchall(),
        store.execute(
            "SELECT run_id, source FROM model_versions WHERE current_stage != 'Deleted_Internal'"
        ).fetchall(),
        store.execute(
            f"SELECT run_uuid, value FROM tags WHERE key IN ({marks})", SAME_AS
        ).fetchall(),
    ]
