"""The network in models/, and what the stages left about it.

A stage run by hand, or an experiment that failed, leaves files of different networks side by side.
So every figure is given only with the network that it was measured on.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pipeline.config.places import (
    METRICS_NAME,
    MODELS,
    ONNX_FILE,
    READER_NAME,
    REPORTS,
    SETTINGS_FILE,
)
from pipeline.config.trees import Tree, bare_name, differing_keys
from pipeline.tracking.run_ids import read_run_id


@dataclass(frozen=True)
class Network:
    """The network in models/.

    Attributes:
        title: What was trained, such as "mlp 128-128 · 5 epochs on mnist".
        run_id: The MLflow run of its training; None if unknown.
        settings: The sections of the configuration that it was trained with; {} if unknown.
        training: The metrics of its training.
        test: Its metrics on the test set; {} if it was not evaluated.
    """

    title: str
    run_id: str | None
    settings: Tree
    training: Tree
    test: Tree

    @classmethod
    def find(cls) -> Self | None:
        """Return the network in models/; None if there is none."""
        if not ONNX_FILE.is_file():
            return None
        run_id, settings = read_run_id(MODELS), _read(SETTINGS_FILE)
        metrics = _read(REPORTS / "train" / METRICS_NAME)
        return cls(_title(settings), run_id, settings, metrics, test_metrics(run_id))

    def strangers(self, params: Tree) -> list[str]:
        """Return the keys of params.yaml that would train another network than this one."""
        wanted = {section: params.get(section) for section in self.settings}
        return differing_keys(wanted, self.settings)

    def is_of(self, params: Tree) -> bool:
        """Return whether it was trained with params.yaml as it is, and evaluated since."""
        return bool(self.settings and self.test) and not self.strangers(params)


@dataclass(frozen=True)
class Predictions:
    """The answers in the output folder of predict-custom.

    Attributes:
        reader: Which network gave them: what was trained, and its MLflow run.
        metrics: How good they are.
    """

    reader: str
    metrics: Tree

    @classmethod
    def find(cls, output: Path) -> Self | None:
        """Return what lies in a folder; None if nothing says who read."""
        try:
            reader = (output / READER_NAME).read_text(encoding="utf-8").strip()
        except OSError:
            return None
        return cls(reader, _read(output / METRICS_NAME))

    def are_of(self, run_id: str | None) -> bool:
        """Return whether the network of a run gave them."""
        return run_id is not None and self.reader.endswith(run_id)


def test_metrics(run_id: str | None) -> Tree:
    """Return the metrics on the test set of the network of a run; {} if another was evaluated."""
    evaluated = REPORTS / "evaluate"
    if run_id is None or read_run_id(evaluated) != run_id:
        return {}
    return _read(evaluated / METRICS_NAME)


def _title(settings: Tree) -> str:
    try:
        trained = (REPORTS / "train" / "title.txt").read_text(encoding="utf-8").strip()
    except OSError:
        return "a network without a report"
    data = bare_name(settings.get("data", {}).get("_target_", ""))
    return f"{trained} on {data}" if data else trained


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
