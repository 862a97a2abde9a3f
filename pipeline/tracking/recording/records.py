"""The kinds of records that a run can hold, one class for each; `learning.py` has further ones.

A record holds plain values (text, numbers, lists and dicts of them), so a journal can keep it as
JSON; the types of its fields are the schema by which it is read back. It also knows how to write
itself to a run, and may have to do so again after an answer of MLflow was lost: that must change
nothing. A new kind of record needs a new class in one of these files and nothing else.
"""

import hashlib
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pipeline.config.schema import Tracking
from pipeline.config.trees import Tree, bare_name, flatten
from pipeline.system.files import copy_file
from pipeline.tracking import page

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Run:
    """An MLflow run to write to.

    Attributes:
        client: Client of the store that holds the run.
        settings: Where runs of this project are recorded.
        id: MLflow's id of the run.
        find_copy: Returns the path of a copied file by its name in the journal.
    """

    client: "MlflowClient"
    settings: Tracking
    id: str
    find_copy: Callable[[str], Path]


@dataclass(frozen=True)
class Record(ABC):
    """Something to write to a run. Do not change the values it holds: it is written later.

    Attributes:
        label: Its name in warnings.
    """

    label: ClassVar[str]

    def with_copies(self, folder: Path) -> Self:
        """Return the record to keep; a file that it names is copied to a folder first.

        Raises:
            OSError: The file cannot be read, or the disk is full.
        """
        return self

    @abstractmethod
    def write(self, run: Run) -> None:
        """Write it to the run; called in the recorder process, perhaps more than once."""


def copy_to(folder: Path, path: Path) -> str:
    """Copy a file to `folder/SHA-256/NAME`; return the last two parts.

    The copy stays as it is, wherever DVC or a later stage puts the file.

    Raises:
        OSError: The file cannot be read, or the disk is full.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    name = f"{digest}/{path.name}"
    if not (folder / name).exists():
        copy_file(path, folder / name)
    return name


@dataclass(frozen=True)
class Params(Record):
    """A configuration, recorded as flat parameters.

    Values that are None are left out, and so are parameters that the run already has: MLflow does
    not let them change. A function is recorded by its bare name.
    """

    label = "params"
    tree: Tree

    def write(self, run: Run) -> None:
        """Write the parameters that the run lacks."""
        from mlflow.entities import Param

        named = {
            key.removesuffix("._target_"): bare_name(value) if key.endswith("._target_") else value
            for key, value in flatten(self.tree).items()
        }
        known = run.client.get_run(run.id).data.params
        missing = [
            Param(key, str(value))
            for key, value in named.items()
            if value is not None and key not in known
        ]
        run.client.log_batch(run.id, params=missing)


@dataclass(frozen=True)
class Metrics(Record):
    """Numbers measured together.

    Attributes:
        values: The numbers by name.
        step: Their position on their curves, such as the epoch.
        at: When they were measured, in seconds since 1970.
    """

    label = "metrics"
    values: Mapping[str, float]
    step: int = 0
    at: float = field(default_factory=time.time)

    def write(self, run: Run) -> None:
        """Write all numbers in one batch."""
        from mlflow.entities import Metric

        milliseconds = int(self.at * 1000)
        batch = [
            Metric(key, rounded(value), milliseconds, self.step)
            for key, value in self.values.items()
        ]
        run.client.log_batch(run.id, metrics=batch)


def rounded(value: float) -> float:
    """Return a number as MLflow's pages shall show it: whole, or to five significant digits.

    These tell accuracies on up to 60,000 pictures apart.
    """
    number = float(value)
    return number if number.is_integer() else float(f"{number:.5g}")


@dataclass(frozen=True)
class Tags(Record):
    """Tags, which replace those with the same names."""

    label = "tags"
    values: Mapping[str, str]

    def write(self, run: Run) -> None:
        """Write all tags in one batch."""
        from mlflow.entities import RunTag

        batch = [RunTag(key, value) for key, value in self.values.items()]
        run.client.log_batch(run.id, tags=batch)


@dataclass(frozen=True)
class File(Record):
    """A file, recorded as an artifact.

    Attributes:
        path: Where it is; in a journal, the name of its copy.
        folder: The folder of the run's artifacts that it goes to.
    """

    label = "file"
    path: str
    folder: str

    @classmethod
    def each(cls, paths: Iterable[Path], folder: str) -> list[Self]:
        """Return a record for each file, so one that cannot be read does not hold up the others."""
        return [cls(str(path), folder) for path in paths]

    def with_copies(self, folder: Path) -> Self:
        """Copy the file."""
        return replace(self, path=copy_to(folder, Path(self.path)))

    def write(self, run: Run) -> None:
        """Copy the file to the run's artifacts."""
        run.client.log_artifact(run.id, str(run.find_copy(self.path)), self.folder)


@dataclass(frozen=True)
class Text(Record):
    """A text, recorded as an artifact under a path within the run."""

    label = "text"
    text: str
    path: str

    def write(self, run: Run) -> None:
        """Write the text to the run's artifacts."""
        run.client.log_text(run.id, self.text, self.path)


@dataclass(frozen=True)
class Table(Record):
    """A table that MLflow's pages show and compare, given by its columns of equal length."""

    label = "table"
    columns: Mapping[str, Sequence[Any]]
    path: str

    def write(self, run: Run) -> None:
        """Write the table; MLflow's own `log_table` would append it to one that is there."""
        import pandas as pd
        from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS

        path = Path(self.path)
        with TemporaryDirectory() as place:
            pd.DataFrame(dict(self.columns)).to_json(
                Path(place) / path.name, orient="split", index=False
            )
            run.client.log_artifact(run.id, str(Path(place) / path.name), str(path.parent))
        listed = json.loads(run.client.get_run(run.id).data.tags.get(MLFLOW_LOGGED_ARTIFACTS, "[]"))
        own = {"path": self.path, "type": "table"}
        if own not in listed:
            run.client.set_tag(run.id, MLFLOW_LOGGED_ARTIFACTS, json.dumps([*listed, own]))


@dataclass(frozen=True)
class Finish(Record):
    """The end of a run's records.

    Attributes:
        status: MLflow's word for how the run ended; None leaves its status unchanged.
        at: When it ended, in seconds since 1970.
    """

    label = "end"
    status: str | None
    at: float = field(default_factory=time.time)

    def write(self, run: Run) -> None:
        """End the run, and write the description on its page."""
        if self.status:
            run.client.set_terminated(run.id, self.status, int(self.at * 1000))
        page.describe(run.client, run.id)
