"""The state of a training, kept on disk so that it survives an interruption."""

import hashlib
import json
import logging
import math
import time
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.splits import Split
from pipeline.digits.training.plan import TrainingPlan
from pipeline.system.errors import InputError
from pipeline.system.files import replace_when_written

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

Arrays = list[NDArray[Any]]

CHECKPOINT_NAME = "checkpoint.npz"


@dataclass(frozen=True)
class Epoch:
    """The record of a finished epoch.

    Attributes:
        epoch: Its number, from 1.
        loss: Mean cross-entropy, in nats, of the distorted pictures, each with the weights at its
            step. Pictures of no class do not count.
        accuracy: Share of the same pictures read correctly.
        val_loss: Mean cross-entropy over the validation pictures after the epoch.
        val_accuracy: Share of the validation pictures read correctly.
        learning_rate: The learning rate at the end of the epoch.
        seconds: Wall time, including making the pictures, validation and, in the first epoch,
            compilation.
        ended: When it ended, in seconds since 1970; 0 if that is not known. A resumed training
            tells of an epoch again with the same time, so that it counts once.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float
    ended: float = 0.0


@dataclass(frozen=True)
class Training:
    """The result of a training: a record of each epoch, and which epoch's weights were kept."""

    history: list[Epoch]
    chosen_epoch: int


class TrainingState:
    """The state of a training: weights, optimiser, finished epochs, the best weights so far."""

    def __init__(
        self, model: "keras.Model", optimizer: "keras.optimizers.Optimizer", plan: TrainingPlan
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.plan = plan
        self.keeps_best = plan.patience is not None
        self.history: list[Epoch] = []
        self.best: Arrays = []
        self.started = time.perf_counter()

    @property
    def variables(self) -> "list[keras.Variable]":
        """The variables of the network, its random state included, and of the optimiser."""
        return [*self.model.variables, *self.optimizer.variables]

    def add(self, loss: float, accuracy: float, val_loss: float, val_accuracy: float) -> None:
        """Add a finished epoch.

        Raises:
            InputError: The loss is no longer finite.
        """
        number = len(self.history) + 1
        rate = float(self.optimizer.learning_rate.numpy())
        if not math.isfinite(loss):
            raise InputError(
                f"the training loss became {loss} in epoch {number}: train.learning_rate is too "
                f"high (the rate is {rate:.3g} now), lower it"
            )
        taken, now = time.perf_counter() - self.started, time.time()
        self.history.append(
            Epoch(number, loss, accuracy, val_loss, val_accuracy, rate, taken, ended=now)
        )
        if self.keeps_best and self._best_epoch() == number:
            self.best = [variable.numpy().copy() for variable in self.model.variables]
        self.started = time.perf_counter()

    def is_over(self) -> bool:
        """Return whether all epochs are trained, or patience has run out."""
        finished = len(self.history)
        if finished >= self.plan.epochs:
            return True
        if self.plan.patience is None or not finished:
            return False
        return finished - self._best_epoch() >= self.plan.patience

    def finish(self) -> Training:
        """Restore the best weights, if they were kept, and return the result."""
        if not self.keeps_best:
            return Training(self.history, len(self.history))
        _assign(self.model.variables, self.best)
        return Training(self.history, self._best_epoch())

    def _best_epoch(self) -> int:
        best = max(self.history, key=lambda e: (e.val_accuracy, -e.val_loss), default=None)
        return best.epoch if best else 0


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds the state of one training, identified by its key."""

    path: Path
    key: str

    def save(self, state: TrainingState) -> None:
        """Write the state atomically."""
        arrays: dict[str, Any] = {
            f"variable_{i}": variable.numpy() for i, variable in enumerate(state.variables)
        }
        arrays |= {f"best_{i}": values for i, values in enumerate(state.best)}
        history = json.dumps([asdict(record) for record in state.history])
        with replace_when_written(self.path) as temporary, temporary.open("wb") as file:
            np.savez(file, key=self.key, history=history, **arrays)

    def restore(self, state: TrainingState) -> None:
        """Restore the state from the file, if it holds that of the same training."""
        if not self.path.exists():
            return
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                arrays = dict(stored)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            log.warning("%s cannot be read (%s): training starts from scratch", self.path, error)
            return
        if str(arrays["key"]) != self.key:
            log.warning("%s belongs to another training: this one starts from scratch", self.path)
            return
        state.history = [Epoch(**record) for record in json.loads(str(arrays["history"]))]
        variables = state.variables
        _assign(variables, [arrays[f"variable_{i}"] for i in range(len(variables))])
        if state.keeps_best:
            state.best = [arrays[f"best_{i}"] for i in range(len(state.model.variables))]
        log.info("resuming the training after epoch %d", len(state.history))


def kept_epochs(checkpoint_dir: Path | None) -> int:
    """Return how many epochs of an interrupted training a folder keeps; 0 if none is readable."""
    try:
        with np.load((checkpoint_dir or Path()) / CHECKPOINT_NAME, allow_pickle=False) as stored:
            return len(json.loads(str(stored["history"])))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return 0


def _assign(variables: "Sequence[keras.Variable]", values: Arrays) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def state_key(state: TrainingState, train: Split, validation: Split) -> str:
    """Return a digest of all that determines the result: plan, data, network, initial weights."""
    # Keras numbers names within a process, so the same layer built again has another name.
    described = [
        (type(part).__name__, {k: v for k, v in part.get_config().items() if k != "name"})
        for part in (*state.model.layers, state.optimizer)
    ]
    digest = hashlib.sha256(json.dumps((described, asdict(state.plan)), default=repr).encode())
    for split in (train, validation):
        digest.update(np.ascontiguousarray(split.images).data)
        digest.update(np.ascontiguousarray(split.labels).data)
    for variable in state.variables:
        digest.update(np.ascontiguousarray(variable.numpy()).data)
    return digest.hexdigest()
