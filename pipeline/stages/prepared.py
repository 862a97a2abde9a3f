"""The files of the prepared data."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from pipeline.config.places import PREPARED
from pipeline.system.errors import InputError
from pipeline.system.files import write_json


@dataclass(frozen=True)
class DatasetInfo:
    """What later stages need to know about the prepared data.

    Attributes:
        name: Such as "mnist".
        digest: SHA-256 over all prepared pictures and labels, in hexadecimal.
        class_names: The name of each class, by label.
        note: A warning to show on everything made from the data, or None.
    """

    name: str
    digest: str
    class_names: list[str]
    note: str | None

    @classmethod
    def load(cls, folder: Path | None = None) -> Self:
        """Read it from a folder of prepared splits; None is the folder of the stage prepare.

        Raises:
            InputError: It is missing or damaged.
        """
        file = dataset_file(folder)
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError) as error:
            raise InputError(f"{file}: no prepared data; run `dvc repro prepare`") from error

    def save(self, folder: Path | None = None) -> None:
        """Write it to a folder of prepared splits; None is the folder of the stage prepare."""
        write_json(dataset_file(folder), asdict(self))


def dataset_file(folder: Path | None = None) -> Path:
    """Return the file that describes prepared splits; None is the folder of the stage prepare."""
    return (folder or PREPARED) / "dataset.json"


def split_file(split: str, folder: Path | None = None) -> Path:
    """Return the file of a prepared split; None is the folder of the stage prepare."""
    return (folder or PREPARED) / f"{split}.npz"
