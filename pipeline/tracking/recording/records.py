"""The kinds of records that a run can hold, one class for each; `learning.py` has further ones.

A record holds plain values (text, numbers, lists and dicts of them), so it can be sent to another
process or serialised. It also knows how to write itself to a run. A new kind of record needs a new
class in one of these files and nothing else.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Self

from pipeline.config.trees import Tree, bare_name, flatten
from pipeline.tracking.recording.run_writer import RunWriter


class Record(ABC):
    """Something to write to a run. Do not change the values it holds: it is written later.

    Attributes:
        label: Its name in warnings.
    """

    label: ClassVar[str]

    @abstractmethod
    def write(self, run: RunWriter) -> None:
        """Write it to the run; called in the recorder process."""


@dataclass(frozen=True)
class Params(Record):
    """A configuration, recorded as flat parameters.

    Values that are None are left out, and so are parameters that the run already has: MLflow does
    not let them change. A function is recorded by its bare name.
    """

    label = "params"
    tree: Tree

    def write(self, run: RunWriter) -> None:
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

    def write(self, run: RunWriter) -> None:
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

    def write(self, run: RunWriter) -> None:
        """Write all tags in one batch."""
        from mlflow.entities import RunTag

        batch = [RunTag(key, value) for key, value in self.values.items()]
        run.client.log_batch(run.id, tags=batch)


@dataclass(frozen=True)
class File(Record):
    """A file, recorded as an artifact.

    Attributes:
        path: Its absolute path; another process reads it.
        folder: The folder of the run's artifacts that it goes to.
    """

    label = "file"
    path: str
    folder: str

    @classmethod
    def at(cls, path: Path, folder: str) -> Self:
        """Return the record of a file, whose path may be relative."""
        return cls(str(path.absolute()), folder)

    @classmethod
    def each(cls, paths: Iterable[Path], folder: str) -> list[Self]:
        """Return a record for each file, so one that cannot be read does not hold up the others."""
        return [cls.at(path, folder) for path in paths]

    def write(self, run: RunWriter) -> None:
        """Copy the file to the run's artifacts."""
        run.client.log_artifact(run.id, self.path, self.folder)


@dataclass(frozen=True)
class FileContent(Record):
    """A file with its content, since the file may be gone by the time it is recorded.

    The only record that holds bytes.

    Attributes:
        name: The file's name.
        content: The file's bytes.
        folder: The folder of the run's artifacts that it goes to.
    """

    label = "file"
    name: str
    content: bytes
    folder: str

    @classmethod
    def of(cls, file: File) -> Self:
        """Return the record of a file with its content.

        Raises:
            OSError: It cannot be read.
        """
        path = Path(file.path)
        return cls(path.name, path.read_bytes(), file.folder)

    def write(self, run: RunWriter) -> None:
        """Write the content to the run's artifacts."""
        with TemporaryDirectory() as place:
            path = Path(place) / self.name
            path.write_bytes(self.content)
            run.client.log_artifact(run.id, str(path), self.folder)


@dataclass(frozen=True)
class Text(Record):
    """A text, recorded as an artifact under a path within the run."""

    label = "text"
    text: str
    path: str

    def write(self, run: RunWriter) -> None:
        """Write the text to the run's artifacts."""
        run.client.log_text(run.id, self.text, self.path)


@dataclass(frozen=True)
class Table(Record):
    """A table that MLflow's pages show and compare, given by its columns of equal length."""

    label = "table"
    columns: Mapping[str, Sequence[Any]]
    path: str

    def write(self, run: RunWriter) -> None:
        """Write the table to the run's artifacts."""
        columns = {name: list(values) for name, values in self.columns.items()}
        run.client.log_table(run.id, columns, self.path)


@dataclass(frozen=True)
class Monitor(Record):
    """The request to record processor and memory use until the run ends."""

    label = "monitor"

    def write(self, run: RunWriter) -> None:
        """Start to record processor and memory use."""
        run.start_monitor()


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

    def write(self, run: RunWriter) -> None:
        """End the run."""
        run.finish(self.status, self.at)
