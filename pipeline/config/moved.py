"""What has changed since a configuration was recorded: functions that moved, sections replaced.

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


# Arguments that functions take since, with the value that was meant before.
ADDED: dict[str, Tree] = {
    "pipeline.digits.training.augmentation.Distortion": {"disturbed": 0.0},
}

# The section that a recorded configuration may still have, and what takes its place.
REPLACED = "rows"
REPLACED_BY: Tree = {"lines": {"rounds": 0, "batch_size": 64, "learning_rate": 0.003}}
ADDED_TO_PREDICT: Tree = {"unsure_numbers_below": 0.653}


def current_target(target: str) -> str:
    """Return the current dotted name of a function, given its current or a former one."""
    module, _, name = target.rpartition(".")
    return FUNCTIONS.get(target, f"{MODULES[module]}.{name}" if module in MODULES else target)


def migrate(tree: Tree) -> Tree:
    """Return a recorded configuration as it would be written today.

    Every `_target_` gets its current name. Numbers were once read with a network for rows of
    touching digits. The network for lines that took its place is trained in another way, so such a
    configuration asks for none.
    """
    current = {key: _with_current_targets(key, value) for key, value in tree.items()}
    if current.pop(REPLACED, None) is None:
        return current
    predict = current.get("predict")
    added = {"predict": ADDED_TO_PREDICT | predict} if isinstance(predict, dict) else {}
    return REPLACED_BY | current | added


def _with_current_targets(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        current = {part: _with_current_targets(part, each) for part, each in value.items()}
        added = ADDED.get(str(current.get("_target_")), {})
        return current | {part: each for part, each in added.items() if part not in current}
    return current_target(value) if key == "_target_" and isinstance(value, str) else value
