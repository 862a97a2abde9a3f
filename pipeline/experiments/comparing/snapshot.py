"""What an experiment came to, kept so that the next one can be compared with it."""

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from pipeline.config.places import REPORTS, home, project_path
from pipeline.config.trees import Tree
from pipeline.digits.preprocessing.labels import LABELS_NAME, read_labels, same_number
from pipeline.inventory.network import Network, Predictions
from pipeline.system.errors import InputError
from pipeline.system.files import typed_path, write_json

SECTIONS = ("seed", "data", "prepare", "model", "train", "lines", "predict")
MOST_KEPT = 100


@dataclass(frozen=True)
class Answers:
    """Which pictures a network read right.

    Attributes:
        accuracy: The share of them, 0..1.
        pictures: How many there are; None if unknown.
        right: Whether each was read right, by a name that is the same in every experiment on the
            same pictures; {} if that is not at hand.
    """

    accuracy: float
    pictures: int | None = None
    right: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """An experiment: its settings, and what was read right of the test set and own pictures."""

    settings: Tree
    test: Answers | None
    custom: Answers | None

    @property
    def key(self) -> str:
        """A key that is the same for the same settings with the same results."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read a snapshot; None if it cannot be read."""
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            parts = (Answers(**kept[part]) if kept[part] else None for part in ("test", "custom"))
            return cls(kept["settings"], *parts)
        except (OSError, ValueError, TypeError, LookupError):
            return None


def settings_of(params: Tree) -> Tree:
    """Return the settings that results depend on."""
    return {section: params.get(section) for section in SECTIONS}


def take_snapshot(params: Tree) -> Snapshot:
    """Return what lies in reports/, which must come from the settings of params.yaml."""
    network = Network.find()
    test = _test_answers(network.test) if network else None
    return Snapshot(settings_of(params), test, _custom_answers(params["predict"]))


def _test_answers(metrics: Tree) -> Answers | None:
    rows = _rows(REPORTS / "evaluate" / "predictions.csv")
    right = {
        f"{number} {row.get('actual')}": row.get("actual") == row.get("predicted")
        for number, row in enumerate(rows)
    }
    return answers(metrics, "test", right)


def _custom_answers(predict: Tree) -> Answers | None:
    folder = project_path(typed_path(predict["output"]))
    predictions = Predictions.find(folder)
    if predictions is None:
        return None
    try:
        images = project_path(typed_path(predict["images"]))
        labels = read_labels(images / LABELS_NAME)
    except InputError:
        labels = {}
    right = {
        row["file"]: same_number(row.get("digit") or None, labels[row["file"]])
        for row in _rows(folder / "predictions.csv")
        if row.get("file") in labels
    }
    return answers(predictions.metrics, "custom", right)


def answers(metrics: Tree, part: str, right: Mapping[str, bool] | None = None) -> Answers | None:
    """Return the answers that a stage's metrics tell of; None if they hold no accuracy."""
    accuracy = metrics.get(f"{part}_accuracy")
    if accuracy is None:
        return None
    return Answers(accuracy, len(right or {}) or _pictures(metrics, part), right or {})


def _pictures(metrics: Tree, part: str) -> int | None:
    """Return the number of pictures, which follows from the mistakes if it is not recorded."""
    mistakes, accuracy = metrics.get(f"{part}_mistakes"), metrics[f"{part}_accuracy"]
    if mistakes and f"{part}_pictures" not in metrics:
        return round(float(mistakes) / (1 - float(accuracy)))
    pictures: int | None = metrics.get(f"{part}_pictures")
    return pictures


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        return []


@dataclass(frozen=True)
class History:
    """The snapshots of past experiments, in a folder.

    Attributes:
        folder: It holds a file a snapshot, and their order.
    """

    folder: Path

    @classmethod
    def here(cls) -> Self:
        """Return the history of this project."""
        return cls(home() / ".history")

    def before(self, snapshot: Snapshot) -> Snapshot | None:
        """Return the experiment before a snapshot, which may be kept already; None if none."""
        others = [key for key in self._order() if key != snapshot.key]
        return Snapshot.load(self._file(others[-1])) if others else None

    def of_settings(self, settings: Tree) -> Snapshot | None:
        """Return the newest experiment with some settings; None if there is none."""
        kept = (Snapshot.load(self._file(key)) for key in reversed(self._order()))
        return next((each for each in kept if each and each.settings == settings), None)

    def keep(self, snapshot: Snapshot) -> None:
        """Keep a snapshot as the newest; forget the oldest ones beyond `MOST_KEPT`."""
        order = [*(key for key in self._order() if key != snapshot.key), snapshot.key]
        write_json(self._file(snapshot.key), asdict(snapshot))
        for key in order[:-MOST_KEPT]:
            self._file(key).unlink(missing_ok=True)
        write_json(self._order_file, {"order": order[-MOST_KEPT:]})

    def strays(self) -> list[Path]:
        """Return files that an interruption left: they have no place in the order."""
        order = self._order()
        files = [*self.folder.glob("*.json"), *self.folder.glob(".*.json")]
        return [file for file in files if file.stem not in order and file != self._order_file]

    def _order(self) -> list[str]:
        try:
            return list(json.loads(self._order_file.read_text(encoding="utf-8"))["order"])
        except (OSError, ValueError, TypeError, LookupError):
            return []

    @property
    def _order_file(self) -> Path:
        return self.folder / "order.json"

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.json"
