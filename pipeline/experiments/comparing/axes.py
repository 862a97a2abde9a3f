"""The axes of a sweep: which settings it varies, and with which values."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.config.trees import Tree, bare_name, flatten
from pipeline.plots.style.numbers import counted, setting_text
from pipeline.tracking.names import LAYER_PARAMS
from pipeline.tracking.recording.records import Params

SEED = "seed"
# Part of every trial's name, and columns of every table.
ALWAYS_SHOWN = ("model._target_", *LAYER_PARAMS, "train.epochs")
LONGEST_PARAM = 500  # characters; every MLflow store accepts as many


def axes(configs: Sequence[Tree]) -> dict[str, list[Any]]:
    """Return the keys that all configurations have with different values, and the values of each.

    Network, layers and epochs come first, the seed last; values are in the order they are met.
    """
    leaves = [flatten(config) for config in configs]
    common = set(leaves[0]).intersection(*leaves)
    order = [*ALWAYS_SHOWN, *sorted(common - {*ALWAYS_SHOWN, SEED}), SEED]
    values = {
        key: {json.dumps(leaf[key], sort_keys=True): leaf[key] for leaf in leaves}
        for key in order
        if key in common
    }
    return {key: list(found.values()) for key, found in values.items() if len(found) > 1}


def varied_keys(configs: Sequence[Tree]) -> list[str]:
    """Return the keys that all configurations have, but with different values.

    Layer sizes and epochs are left out: they are always shown.
    """
    return [key for key in axes(configs) if key not in ALWAYS_SHOWN]


def label(key: str) -> str:
    """Return the short name of a dotted key: "schedule" for `train.schedule._target_`."""
    return bare_name(key.removesuffix("._target_"))


def axes_in_words(found: Mapping[str, Sequence[Any]]) -> str:
    """Name a sweep by its axes, such as "hidden_units × epochs × 5 seeds"."""
    return " × ".join(
        counted(len(values), SEED) if key == SEED else label(key) for key, values in found.items()
    )


def axes_params(found: Mapping[str, Sequence[Any]]) -> Params:
    """Return the axes as parameters of a sweep's run: all in words, and the values of each."""
    values = {}
    for key, each in found.items():
        named = map(bare_name, each) if key.endswith("._target_") else each
        values[f"axis.{key.removesuffix('._target_')}"] = _listed([*map(setting_text, named)])
    return Params({"axes": axes_in_words(found) or "none", **values})


def _listed(texts: Sequence[str]) -> str:
    """List values on one line; say how many are left out where not all have room."""
    for count in range(len(texts), 0, -1):
        left_out = f" and {len(texts) - count} more" if count < len(texts) else ""
        listed = ", ".join(texts[:count]) + left_out
        if len(listed) <= LONGEST_PARAM:
            return listed
    return f"{len(texts)} values"
