"""One experiment among many: what makes it the same as another, running it, keeping its outcome.

A trial goes through the functions of the stages, so `dvc repro` on its configuration gives the
same numbers, bit for bit, with the same number of threads.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pipeline.config.checking import validate
from pipeline.config.places import home
from pipeline.config.schema import Config
from pipeline.config.targets import call_target
from pipeline.config.trees import Tree
from pipeline.digits.splits import Dataset, save_split
from pipeline.digits.training.state import Epoch
from pipeline.stages import prepare
from pipeline.stages.fingerprint import fingerprint
from pipeline.stages.network import describe
from pipeline.stages.prepared import DatasetInfo, dataset_file, split_file
from pipeline.system.files import write_json


@dataclass(frozen=True)
class Trial:
    """A configuration to try.

    Attributes:
        key: The same for trials that would come out the same.
        name: What is trained, in words.
        config: The composed configuration, its number of threads set.
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
    """What came of a trial.

    Attributes:
        status: "stopped" is given up early, "failed" ended in `error`.
        error: What went wrong, on one line.
        metrics: Those of train and evaluate; empty unless finished.
        history: A record an epoch, as `pipeline.digits.training.state.Epoch` describes it.
        seconds: Wall time of everything.
        training_seconds: Wall time of the epochs.
        peak_memory: The most memory that was resident, in bytes.
    """

    status: Literal["finished", "stopped", "failed"]
    error: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    training_seconds: float = 0.0
    peak_memory: int = 0

    def in_words(self) -> str:
        """Say in a line what came of the trial."""
        if self.status == "failed":
            return f"failed, {self.error}"
        if self.status == "stopped":
            return f"given up after {len(self.history)} epochs"
        accuracy = 100 * self.metrics["val_accuracy"]
        return f"validation accuracy {accuracy:.2f} %, {self.seconds:.1f} s"


# Told of every epoch of every trial; False gives the trial up.
Judge = Callable[[Trial, Epoch], bool]

# Runs trials somewhere and gives each outcome as it comes; asks for the next when there is room.
Runner = Callable[[Iterable[Trial], Judge], Iterator[tuple[Trial, Outcome]]]


def make_trial(tree: Tree, threads: int) -> Trial:
    """Make a trial of a composed configuration; its data is prepared if it is not at hand.

    Args:
        tree: The composed configuration.
        threads: What `train.threads` becomes where it is left open.

    Raises:
        InputError: The configuration is not valid, or its data cannot be had.
    """
    validate(tree)
    settings = {**tree["train"], "threads": tree["train"]["threads"] or threads}
    config = validate({**tree, "train": settings})
    folder, info = _prepared(config)
    return Trial(
        key=fingerprint(config, info.digest, "train", "evaluate"),
        name=describe(config),
        config=config.model_dump(),
        data=folder,
        note=info.note,
    )


def load_outcome(key: str) -> Outcome | None:
    """Return the kept outcome of a trial that finished, None if there is none."""
    try:
        return Outcome(**json.loads(_outcome_file(key).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def keep_outcome(key: str, outcome: Outcome) -> None:
    """Keep the outcome of a trial that finished for whoever tries the same again."""
    if outcome.status == "finished":
        write_json(_outcome_file(key), asdict(outcome))


def store() -> Path:
    """Return the folder that sweeps keep their state in."""
    return home() / ".sweeps"


def _outcome_file(key: str) -> Path:
    return store() / "trials" / f"{key}.json"


def _prepared(config: Config) -> tuple[Path, DatasetInfo]:
    """Return the folder of the data that `prepare` would leave for this configuration."""
    return _prepare(json.dumps([config.data, config.prepare.validation_size, config.seed]))


@lru_cache
def _prepare(settings: str) -> tuple[Path, DatasetInfo]:
    data, validation_size, seed = json.loads(settings)
    dataset = _dataset(json.dumps(data))
    splits = prepare.split_dataset(dataset, validation_size, seed)
    info = prepare.identify(dataset, splits)
    folder = store() / "data" / info.digest[:16]
    if not is_prepared(folder):
        for name, split in splits.items():
            save_split(split, split_file(name, folder))
        info.save(folder)
    return folder, info


@lru_cache(maxsize=1)
def _dataset(node: str) -> Dataset:
    dataset: Dataset = call_target(json.loads(node))
    return dataset


def is_prepared(folder: Path) -> bool:
    """Say whether a folder holds all of some prepared data: this file is written last."""
    return dataset_file(folder).is_file()
