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

    At least one trial must have finished. Of several data sets, each has a best group.
    """
    print_table(results)
    groups = grouped(results)
    keys = keys_of(groups)
    best, *elsewhere = (
        _described(group, keys)
        | {"ties": [_described(each, keys) for each in groups if _ties(each, group)]}
        for group in groups
        if group.leads
    )
    write_json(_best_file(), best | {"elsewhere": elsewhere})
    promote = "promote run=ID" if elsewhere else "promote"
    for each in (best, *elsewhere):
        tied = f", with {counted(len(each['ties']), 'tie')}" if each["ties"] else ""
        run = f", MLflow run {each['run_id']}" if elsewhere and each["run_id"] else ""
        print(
            f"best by validation: {each['name']}{tied}{run} "
            f"(`digits {promote}` writes it to params.yaml)"
        )


def _ties(group: Group, best: Group) -> bool:
    """Return whether a group is known to tie with the best one."""
    told = group.verdict is not None and group.verdict.p_value is not None
    return told and group.tied and group.data == best.data


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
    """Return what is kept of the best group; None if there is none.

    Those that tie with it are under "ties", the best ones on other data under "elsewhere".

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
