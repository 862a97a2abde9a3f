"""The best configuration of the last sweep or search, kept for `promote`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.config.trees import Tree
from pipeline.digits.seeds import prediction_interval
from pipeline.experiments.comparing.groups import CHOOSES, Group, grouped, keys_of
from pipeline.experiments.comparing.results import Result, trial_name
from pipeline.experiments.comparing.table import print_table
from pipeline.experiments.trial import sweeps_dir
from pipeline.plots.style.numbers import counted
from pipeline.system.errors import InputError
from pipeline.system.files import write_json

KEPT = ("name", "run_id", "val_accuracy", "config")  # an older version kept these alone


def show(results: Sequence[Result]) -> None:
    """Print the table and the best group, and save it, and those that tie with it, for `promote`.

    At least one trial must have finished.
    """
    print_table(results)
    groups = grouped(results)
    keys = keys_of(groups)
    best, *others = (_described(group, keys) for group in groups if _is_candidate(group))
    write_json(_best_file(), best | {"ties": others})
    tied = f", with {counted(len(others), 'tie')}" if others else ""
    print(
        f"best by validation: {best['name']}{tied} "
        "(`python -m pipeline.promote` writes it to params.yaml)"
    )


def _is_candidate(group: Group) -> bool:
    """Return whether a group is the best one or is known to tie with it."""
    if group.verdict is None:
        return bool(group.outcomes)
    return group.tied and group.verdict.p_value is not None


def _described(group: Group, keys: Sequence[str]) -> dict[str, Any]:
    first = next(each for each in group.results if each.outcome.status == "finished")
    return {
        "name": trial_name(first.trial, keys),
        "run_id": first.run_id if first.trial.config["tracking"]["enabled"] else None,
        "val_accuracy": group.mean(CHOOSES),
        "seeds": len(group.outcomes),
        "parameters": group.mean("parameters"),
        "expected_test_accuracy": prediction_interval([*group.by_seed("test_accuracy").values()]),
        "config": first.trial.config,
    }


def load_best() -> dict[str, Any] | None:
    """Return what is kept of the best group, those that tie under "ties"; None if there is none.

    Raises:
        InputError: The file is damaged.
    """
    try:
        saved: Tree = json.loads(_best_file().read_text(encoding="utf-8"))
        return {**saved, **{name: saved[name] for name in KEPT}}
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"{_best_file()}: damaged; run the sweep again (finished trials are not repeated)"
        ) from error


def _best_file() -> Path:
    return sweeps_dir() / "best.json"
