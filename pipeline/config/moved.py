"""The former names of functions that have moved, as older recorded configurations hold them.

When a function that conf/ names moves, add an entry and keep it: runs are kept for years.
"""

from typing import Any

from pipeline.config.trees import Tree

MODULES = {
    "pipeline.digits.augmentation": "pipeline.digits.training.augmentation",
    "pipeline.digits.folders": "pipeline.digits.datasets.folders",
    "pipeline.digits.networks": "pipeline.digits.training.networks",
    "pipeline.digits.optimizers": "pipeline.digits.training.optimizers",
}
# All data sets were in the module pipeline.digits.datasets, which is now a package.
FUNCTIONS = {
    f"pipeline.digits.datasets.{name}": f"pipeline.digits.datasets.{module}.{name}"
    for name, module in (
        ("fashion_mnist", "fashion_mnist"),
        ("mnist", "mnist"),
        ("mnist_5000", "mnist"),
    )
}


def current_target(target: str) -> str:
    """Return the current dotted name of a function, given its current or a former one."""
    module, _, name = target.rpartition(".")
    return FUNCTIONS.get(target, f"{MODULES[module]}.{name}" if module in MODULES else target)


def with_current_targets(tree: Tree) -> Tree:
    """Return a recorded configuration with the current name in every `_target_`."""
    return {key: _with_current_targets(key, value) for key, value in tree.items()}


def _with_current_targets(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return with_current_targets(value)
    return current_target(value) if key == "_target_" and isinstance(value, str) else value
