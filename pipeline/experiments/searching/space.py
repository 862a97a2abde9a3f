"""The schema of `conf/search/`: what a search can vary, and how Optuna suggests the values."""

import copy
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pipeline.config.schema import Section
from pipeline.config.trees import Tree, flatten
from pipeline.config.wording import suggest
from pipeline.system.errors import InputError

if TYPE_CHECKING:
    import optuna

Number = int | float
Objective = Literal[
    "val_accuracy",
    "val_loss",
    "val_calibration_error",
    "val_corrupted_accuracy",
    "val_error_auroc",
    "val_outlier_auroc",
    "val_outlier_fpr95",
    "parameters",
    "training_seconds",
    "ms_per_picture",
    "model_bytes",
]


class Range(Section):
    """A number from `low` to `high`, an integer if both are.

    With `depth`, a list of `depth[0]` to `depth[1]` such numbers.
    """

    low: Number
    high: Number
    log: bool = False
    depth: (
        Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2, max_length=2)] | None
    ) = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high or (self.depth and self.depth[0] > self.depth[1]):
            raise ValueError("the lower bound must come first")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic range must start above 0")
        return self

    def suggest(self, trial: "optuna.Trial", key: str) -> Any:
        """Have Optuna suggest a value."""
        if self.depth is None:
            return self._suggest_one(trial, key)
        layers = trial.suggest_int(f"{key}.depth", *self.depth)
        return [self._suggest_one(trial, f"{key}.{number}") for number in range(layers)]

    def _suggest_one(self, trial: "optuna.Trial", key: str) -> Number:
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(key, self.low, self.high, log=self.log)
        return trial.suggest_float(key, self.low, self.high, log=self.log)


class Choice(Section):
    """One of several values of any type."""

    choices: Annotated[list[Any], Field(min_length=1)]

    def suggest(self, trial: "optuna.Trial", key: str) -> Any:
        """Have Optuna suggest a value; it stores text, so lists are passed as JSON."""
        return json.loads(trial.suggest_categorical(key, [json.dumps(c) for c in self.choices]))


class Search(Section):
    """A study: how long it lasts, where it is stored, its seeds, objectives and search space."""

    study: Annotated[str, Field(min_length=1, pattern=r"^[\w.-]+$")]
    storage: str | None
    trials: Annotated[int, Field(ge=1)]
    timeout: Annotated[float, Field(gt=0)] | None
    seeds: Annotated[int, Field(ge=1, le=1_000)] = 1
    objectives: Annotated[list[Objective], Field(min_length=1, max_length=4)]
    space: Annotated[dict[str, Range | Choice], Field(min_length=1)]

    @model_validator(mode="after")
    def _on_one_data_set(self) -> Self:
        if varied := [key for key in self.space if key.partition(".")[0] == "data"]:
            raise ValueError(f"space.{varied[0]}: accuracies on other data cannot be compared")
        return self


def suggest_config(space: Mapping[str, Range | Choice], trial: "optuna.Trial", tree: Tree) -> Tree:
    """Return a configuration with a value that Optuna suggests at every key of the space.

    Raises:
        InputError: The configuration has no such key.
    """
    suggested = copy.deepcopy(tree)
    for key, values in space.items():
        _set(suggested, key, values.suggest(trial, key))
    return suggested


def _set(tree: Tree, key: str, value: Any) -> None:
    *sections, last = key.split(".")
    node: Any = tree
    for section in sections:
        node = node.get(section) if isinstance(node, dict) else None
    if not isinstance(node, dict) or last not in node:
        raise InputError(f"search.space.{key}: unknown key; {suggest(key, list(flatten(tree)))}")
    node[last] = value
