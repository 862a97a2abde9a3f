"""A trial: one of many configurations to train, how it is identified, and its outcome.

A trial runs the functions of the stages. So `dvc repro` with its configuration and the same number
of threads gives the same numbers, bit for bit.
"""

import json
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pipeline.config.checking import validate
from pipeline.config.places import home
from pipeline.config.schema import Config
from pipeline.config.targets import call_target
from pipeline.config.trees import Target, Tree
from pipeline.digits.datasets.checking import check_dataset
from pipeline.digits.splits import Dataset, save_split
from pipeline.digits.training.state import Epoch
from pipeline.plots.style.numbers import percent
from pipeline.stages import prepare
from pipeline.stages.fingerprint import fingerprint
from pipeline.stages.network import describe
from pipeline.stages.prepared import DatasetInfo, dataset_file, split_file
from pipeline.system.files import write_json


@dataclass(frozen=True)
class Trial:
    """A configuration to try.

    Attributes:
        key: Equal for trials that would have the same outcome.
        name: The network and its epochs in words, such as "mlp 128-128 · 5 epochs".
        config: The composed configuration, with its number of threads.
        data: The folder that holds its prepared data.
        note: A warning about the data, or None.
    """

    key: str
    name: str
    config: Tree
    data: Path
    note: str | None


@dataclass(frozen=True)
class Outcome:
    """The outcome of a trial.

    Attributes:
        status: "stopped" means before the last epoch; "failed" means with `error`.
        error: What went wrong, on one line.
        metrics: The metrics of train and evaluate; empty unless finished.
        history: One record per epoch, as `pipeline.digits.training.state.Epoch` describes it.
        seconds: Wall time of the whole trial.
        training_seconds: Wall time of the epochs.
        peak_memory: Peak resident memory, in bytes.
    """

    status: Literal["finished", "stopped", "failed"]
    error: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    training_seconds: float = 0.0
    peak_memory: int = 0

    def in_words(self) -> str:
        """Describe the outcome on one line."""
        if self.status == "failed":
            return f"failed, {self.error}"
        if self.status == "stopped":
            return f"stopped early, after {len(self.history)} epochs"
        accuracy = percent(self.metrics["val_accuracy"])
        return f"validation accuracy {accuracy}, {self.seconds:.1f} s"


EpochCallback = Callable[[Trial, Epoch], bool]
"""Called after every epoch of every trial; returns False to stop the trial."""

Executor = Callable[[Iterable[Trial], EpochCallback], Iterator[tuple[Trial, Outcome]]]
"""Runs trials and yields each outcome as it arrives; takes the next trial when a worker is free."""


def make_trial(tree: Tree, threads: int) -> Trial:
    """Make a trial from a composed configuration; prepare its data unless that has been done.

    Args:
        tree: The composed configuration.
        threads: Number of threads to use if `train.threads` is null.

    Raises:
        InputError: The configuration is not valid, or its data is not available.
    """
    config = _with_threads(validate(tree), threads)
    folder, info = _prepare(_DataNode.of(config.data), config.prepare.validation_size, config.seed)
    return Trial(
        key=fingerprint(config, info.digest, "train", "evaluate"),
        name=describe(config),
        config=config.model_dump(),
        data=folder,
        note=info.note,
    )


def _with_threads(config: Config, threads: int) -> Config:
    """Fill in the number of threads if it is null."""
    if config.train.threads is not None:
        return config
    return config.model_copy(update={"train": config.train.model_copy(update={"threads": threads})})


def load_outcome(key: str) -> Outcome | None:
    """Return the saved outcome of a trial that finished, or None."""
    try:
        return Outcome(**json.loads(_outcome_file(key).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def save_outcome(key: str, outcome: Outcome) -> None:
    """Save the outcome of a trial that finished, so that no sweep has to run it again."""
    if outcome.status == "finished":
        write_json(_outcome_file(key), asdict(outcome))


def sweeps_dir() -> Path:
    """Return the folder for everything that sweeps and searches save."""
    return home() / ".sweeps"


def _outcome_file(key: str) -> Path:
    return sweeps_dir() / "trials" / f"{key}.json"


@dataclass(frozen=True)
class _DataNode:
    """The configuration node of a data set, hashable by value, as a key for caches."""

    key: Hashable
    node: Target = field(compare=False)

    @classmethod
    def of(cls, node: Target) -> "_DataNode":
        return cls(_freeze(node), node)


def _freeze(value: Any) -> Hashable:
    """Return nested dicts and lists as nested tuples."""
    if isinstance(value, dict):
        return tuple((key, _freeze(value[key])) for key in sorted(value))
    if isinstance(value, list):
        return tuple(_freeze(item) for item in value)
    hashable: Hashable = value
    return hashable


@lru_cache
def _prepare(data: _DataNode, validation_size: int, seed: int) -> tuple[Path, DatasetInfo]:
    """Prepare data as the stage prepare does; return the folder that holds it."""
    dataset = _load_dataset(data)
    splits = prepare.split_dataset(dataset, validation_size, seed)
    info = prepare.identify(dataset, splits)
    folder = sweeps_dir() / "data" / info.digest[:16]
    if not is_prepared(folder):
        for name, split in splits.items():
            save_split(split, split_file(name, folder))
        info.save(folder)
    return folder, info


@lru_cache(maxsize=1)
def _load_dataset(data: _DataNode) -> Dataset:
    return check_dataset(call_target(data.node))


def is_prepared(folder: Path) -> bool:
    """Return whether a folder holds all files of prepared data; this one is written last."""
    return dataset_file(folder).is_file()
