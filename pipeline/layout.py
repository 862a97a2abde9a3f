"""Where each stage leaves its files, and how small ones are written."""

import csv
import hashlib
import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from pipeline.config import ROOT
from pipeline.digits.errors import InputError
from pipeline.digits.files import replace_when_written

log = logging.getLogger(__name__)

PREPARED = ROOT / "data" / "prepared"
MODELS = ROOT / "models"
KERAS_FILE = MODELS / "model.keras"
ONNX_FILE = MODELS / "model.onnx"
ROWS_MODEL = MODELS / "rows"
ROWS_FILE = ROWS_MODEL / "rows.onnx"
RUN_ID_NAME = "run_id.txt"
RUN_ID = re.compile("[0-9a-f]{32}")
REPORTS = ROOT / "reports"
METRICS_NAME = "metrics.json"


@dataclass(frozen=True)
class DatasetInfo:
    """What later stages need to know of the prepared data.

    Attributes:
        name: What it is called, such as "mnist".
        digest: SHA-256 over all prepared pictures and labels, in hexadecimal.
        class_names: The name of each class, by label.
        note: A warning that belongs on everything made from it, or None.
    """

    name: str
    digest: str
    class_names: list[str]
    note: str | None

    @classmethod
    def load(cls, folder: Path | None = None) -> Self:
        """Read what lies beside prepared splits, None: beside those of the stage prepare.

        Raises:
            InputError: There is none.
        """
        file = dataset_file(folder)
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError) as error:
            raise InputError(f"{file}: no prepared data; run `dvc repro prepare`") from error

    def save(self, folder: Path | None = None) -> None:
        """Leave it beside prepared splits, None: beside those of the stage prepare."""
        write_json(dataset_file(folder), asdict(self))


@lru_cache
def code_digest(*stages: str) -> str:
    """Hash the code that dvc.yaml names for stages, and the versions of what trains."""
    import yaml

    described = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    files = {name for stage in stages for name in described[stage]["deps"]}
    code = hashlib.sha256(f"{version('tensorflow')} {version('keras')}".encode())
    for name in sorted(name for name in files if name.endswith(".py")):
        code.update((ROOT / name).read_bytes())
    return code.hexdigest()


def dataset_file(folder: Path | None = None) -> Path:
    """Return the file that holds what is known of prepared splits, None: of the stage prepare's."""
    return (folder or PREPARED) / "dataset.json"


def split_file(split: str, folder: Path | None = None) -> Path:
    """Return the file that holds a prepared split, None: one of the stage prepare's."""
    return (folder or PREPARED) / f"{split}.npz"


def report_dir(stage: str) -> Path:
    """Return the folder of a stage's metrics and plots, made if it is missing."""
    folder = REPORTS / stage
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def read_run_id(folder: Path) -> str | None:
    """Return the id of the MLflow run that a folder's network is from; None if not known."""
    try:
        written = (folder / RUN_ID_NAME).read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    return written if RUN_ID.fullmatch(written) else None


def begun_run_id(checkpoint: Path | None) -> str | None:
    """Return the id of the run to go on with, of a training that was interrupted.

    Args:
        checkpoint: Where its state is kept; None if another process is at it.
    """
    if checkpoint is None:
        log.warning("the same training is under way elsewhere: this one cannot be taken up again")
        return None
    return read_run_id(checkpoint)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replace_when_written(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file for people and programs."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file with a header line."""
    with replace_when_written(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
