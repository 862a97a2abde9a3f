"""How an experiment differs from the one before and from the committed one, in words."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.config.params import PARAMS_FILE, parse
from pipeline.config.places import METRICS_NAME, REPORTS, ROOT, project_path
from pipeline.config.trees import Tree, differing_keys, flatten
from pipeline.digits.seeds import p_text
from pipeline.digits.significance import P_VALUE_NAME, SIGNIFICANCE, fisher_exact, mcnemar_mid_p
from pipeline.experiments.comparing.axes import label
from pipeline.experiments.comparing.expectation import compare_with_expected
from pipeline.experiments.comparing.snapshot import (
    Answers,
    History,
    Snapshot,
    answers,
    settings_of,
    take_snapshot,
)
from pipeline.plots.style.numbers import percent, setting_text
from pipeline.system.errors import InputError

FISHER = "Fisher's exact test"
MOST_CHANGES = 6
# The settings that say where the pictures come from.
TEST_PICTURES, CUSTOM_PICTURES = re.compile(r"data\b"), re.compile(r"predict\.images\b")


def compare_experiment(params: Tree) -> list[str]:
    """Return lines for the end of an experiment, and keep its results for the next one.

    Args:
        params: The content of params.yaml, which what lies in reports/ must come from.
    """
    now, history = take_snapshot(params), History.here()
    lines = []
    if now.test and (told := compare_with_expected(params, now.test.accuracy)):
        lines.append(_line("test accuracy is", told))
    if before := history.before(now):
        lines += _difference("before", before, now)
    if committed := committed_snapshot(history):
        lines += _difference("committed", committed, now)
    with suppress(OSError):  # as in a checkout that may only be read
        history.keep(now)
    return lines


def _line(name: str, text: str) -> str:
    return f"{name:<16} {text}"


def _difference(name: str, other: Snapshot, now: Snapshot) -> Iterator[str]:
    """Yield the lines that compare an experiment with an earlier one."""
    keys = differing_keys(other.settings, now.settings)
    results = [
        f"{part} {compare_answers(old, new, same_place=not any(map(where.match, keys)))}"
        for part, where, old, new in (
            ("test", TEST_PICTURES, other.test, now.test),
            ("custom", CUSTOM_PICTURES, other.custom, now.custom),
        )
        if old and new and _differ(old, new)
    ]
    if not keys and not results:
        yield _line(name, "the same settings and results")
        return
    for place, result in enumerate(results or ["the same results"]):
        yield _line("" if place else f"from {name}", result)
    yield _line("", f"changed: {_changes(keys, other.settings, now.settings)}")


def _differ(old: Answers, new: Answers) -> bool:
    known = old.right and new.right
    return old.accuracy != new.accuracy or bool(known and old.right != new.right)


def _changes(keys: list[str], old: Tree, new: Tree) -> str:
    """Return which settings have changed, and how."""
    before, after = flatten(old), flatten(new)
    told = [
        f"{label(key)} {_setting(before, key)} → {_setting(after, key)}"
        for key in keys[:MOST_CHANGES]
    ]
    more = [f"and {len(keys) - MOST_CHANGES} more"] if len(keys) > MOST_CHANGES else []
    return ", ".join([*told, *more]) or "no setting"


def _setting(leaves: Tree, key: str) -> str:
    value: Any = leaves.get(key, "–")
    return label(value) if key.endswith("_target_") else setting_text(value)


def compare_answers(old: Answers, new: Answers, *, same_place: bool = True) -> str:
    """Say how accuracy has changed, and whether that is more than chance, by which test.

    If it is known which pictures each network read right, by McNemar's test; else by Fisher's exact
    test of the two counts, which needs larger differences.

    Args:
        old: Of the earlier experiment.
        new: Of this one.
        same_place: Whether the settings take the pictures from the same place.
    """
    change = _change(old, new)
    known = bool(old.right and new.right)
    if not (old.right.keys() == new.right.keys() if known else same_place and _as_many(old, new)):
        return f"{change}, on other pictures: not to be compared"
    if known:
        lost = sum(old.right[name] and not new.right[name] for name in new.right)
        gained = sum(new.right[name] and not old.right[name] for name in new.right)
        return f"{change}, {_verdict(mcnemar_mid_p(lost, gained), gained - lost, P_VALUE_NAME)}"
    if not (old.pictures and new.pictures):
        return change
    counts = [round(each.accuracy * each.pictures) for each in (old, new) if each.pictures]
    p_value = fisher_exact(counts[0], old.pictures, counts[1], new.pictures)
    return f"{change}, {_verdict(p_value, new.accuracy - old.accuracy, FISHER)}"


def _as_many(old: Answers, new: Answers) -> bool:
    return None in (old.pictures, new.pictures) or old.pictures == new.pictures


def _change(old: Answers, new: Answers) -> str:
    """Return both accuracies, as counts where pictures are few: "26 → 25 of 26"."""
    if old.pictures == new.pictures and new.pictures and new.pictures < 1_000:
        counts = (round(each.accuracy * new.pictures) for each in (old, new))
        return f"{' → '.join(map(str, counts))} of {new.pictures}"
    return f"{percent(old.accuracy).removesuffix(' %')} → {percent(new.accuracy)}"


def _verdict(p_value: float, gain: float, test: str) -> str:
    if p_value >= SIGNIFICANCE:
        return f"which may be chance ({test}, {p_text(p_value)})"
    return f"{'better' if gain > 0 else 'worse'} by more than chance ({test}, {p_text(p_value)})"


def committed_snapshot(history: History) -> Snapshot | None:
    """Return the experiment of the last commit, as far as it is known here; None if it is not.

    Its settings are those of the committed params.yaml. Its results are those committed or, if
    they were made here, those that were kept then.
    """
    params = committed(PARAMS_FILE)
    if params is None:
        return None
    settings = settings_of(params)
    output = project_path((params.get("predict") or {}).get("output", ""))
    test = answers(committed(REPORTS / "evaluate.json") or {}, "test")
    custom = answers(committed(output / METRICS_NAME) or {}, "custom")
    kept = history.of_settings(settings)
    if kept and (test is None or (kept.test and kept.test.accuracy == test.accuracy)):
        return kept
    return Snapshot(settings, test, custom) if test or custom else None


def committed(path: Path) -> Tree | None:
    """Return the content of a YAML or JSON file of the last commit; None if git has none."""
    try:
        command = ["git", "show", f"HEAD:./{path.relative_to(ROOT)}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return parse(done.stdout)
    except (OSError, ValueError, subprocess.CalledProcessError, InputError):
        return None
