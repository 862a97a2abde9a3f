"""What has changed since a configuration was recorded: functions that moved, sections replaced.

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


# The section that a recorded configuration may hold instead of today's, and what that is then.
REPLACED = "rows"
REPLACED_BY: Tree = {"lines": {"rounds": 0, "batch_size": 64, "learning_rate": 0.003}}
ADDED_TO_PREDICT: Tree = {"unsure_numbers_below": 0.75}


def current_address(target: str) -> str:
    """Return where a function is today, given the dotted name it has or once had."""
    module, _, name = target.rpartition(".")
    return FUNCTIONS.get(target, f"{MODULES[module]}.{name}" if module in MODULES else target)


def up_to_date(tree: Tree) -> Tree:
    """Return a recorded configuration as it would be today.

    Every `_target_` is where the function is today. Numbers were read with a network for rows of
    touching digits once; the network for lines that takes its place is trained another way, so
    there is none.
    """
    current = {key: _up_to_date(key, value) for key, value in tree.items() if key != REPLACED}
    if REPLACED not in tree:
        return current
    predict = current.get("predict")
    added = {"predict": ADDED_TO_PREDICT | predict} if isinstance(predict, dict) else {}
    return REPLACED_BY | current | added


def _up_to_date(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return up_to_date(value)
    return current_address(value) if key == "_target_" and isinstance(value, str) else value
