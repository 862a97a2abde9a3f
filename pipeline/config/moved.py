"""Functions that have moved: what a configuration recorded before then names them by.

An entry is added when a function that conf/ names moves, and stays: runs are kept for years.
"""

from typing import Any

from pipeline.config.trees import Tree

MODULES = {
    "pipeline.digits.augmentation": "pipeline.digits.training.augmentation",
    "pipeline.digits.folders": "pipeline.digits.datasets.folders",
    "pipeline.digits.networks": "pipeline.digits.training.networks",
    "pipeline.digits.optimizers": "pipeline.digits.training.optimizers",
}
# Data sets lay in one module, pipeline.digits.datasets, which is a package today.
FUNCTIONS = {
    f"pipeline.digits.datasets.{name}": f"pipeline.digits.datasets.{module}.{name}"
    for name, module in (
        ("fashion_mnist", "fashion_mnist"),
        ("mnist", "mnist"),
        ("mnist_5000", "mnist"),
    )
}


def current_target(target: str) -> str:
    """Return where a function is today, given the dotted name it has or once had."""
    module, _, name = target.rpartition(".")
    return FUNCTIONS.get(target, f"{MODULES[module]}.{name}" if module in MODULES else target)


def with_current_targets(tree: Tree) -> Tree:
    """Return a recorded configuration with every `_target_` where the function is today."""
    return {key: _with_current_targets(key, value) for key, value in tree.items()}


def _with_current_targets(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return with_current_targets(value)
    return current_target(value) if key == "_target_" and isinstance(value, str) else value
