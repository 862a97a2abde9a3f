"""Seeds as groups: trials that differ in their seed alone are compared as one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pipeline.config.trees import Tree
from pipeline.digits.seeds import FEWEST_SEEDS, Verdict, compare_with_best, mean_interval
from pipeline.experiments.comparing.axes import SEED, varied_keys
from pipeline.experiments.comparing.results import Result, settings
from pipeline.experiments.trial import Outcome
from pipeline.system.errors import in_one_line

CHOOSES = "val_accuracy"
WITH_INTERVAL = (CHOOSES, "test_accuracy", "val_loss", "test_loss", "training_seconds")
LONGEST_ERROR = 80  # characters, in the last column of the table


@dataclass(frozen=True)
class Group:
    """The trials of one configuration, with different seeds.

    Attributes:
        results: Their results, at least one, in the order in which they were planned.
        verdict: How it compares with the best group on the same data; None for that one itself and
            for those whose trials all failed.
    """

    results: Sequence[Result]
    verdict: Verdict | None = None

    @cached_property
    def outcomes(self) -> dict[int, Outcome]:
        """The outcomes of the trials that finished, by seed."""
        return {
            result.trial.config[SEED]: result.outcome
            for result in self.results
            if result.outcome.status == "finished"
        }

    @property
    def data(self) -> str:
        """A text that is the same for groups whose accuracies can be compared."""
        return json.dumps(self.results[0].trial.config["data"], sort_keys=True)

    @property
    def leads(self) -> bool:
        """Whether it is the best group on its data."""
        return self.verdict is None and bool(self.outcomes)

    @property
    def dropped(self) -> str | None:
        """Why a race gave it no more seeds."""
        return self.results[0].dropped

    @property
    def tied(self) -> bool:
        """Whether it cannot be told from the best group, which it is not itself."""
        return bool(self.verdict and not self.verdict.worse and not self.dropped)

    def by_seed(self, key: str) -> dict[int, float]:
        """Return a figure of the trials that have it, by seed."""
        figures = {seed: _figures(outcome) for seed, outcome in self.outcomes.items()}
        return {seed: float(each[key]) for seed, each in figures.items() if key in each}

    def mean(self, key: str) -> float | None:
        """Return the mean of a figure; None if no trial has it."""
        values = self.by_seed(key).values()
        return sum(values) / len(values) if values else None

    def interval(self, key: str) -> tuple[float, float] | tuple[None, None]:
        """Return the 95 % interval of the mean of a figure; None twice below two seeds."""
        return mean_interval(list(self.by_seed(key).values())) or (None, None)

    def compared(self) -> str:
        """Say in a few words how it compares with the best, and what failed."""
        failed = [result.outcome for result in self.results if result.outcome.error]
        words = f"{len(failed)} failed: {_error(failed[0])}" if failed else ""
        return "; ".join(part for part in (self._compared(), words) if part)

    def _compared(self) -> str:
        if not self.outcomes:
            return ""
        if self.verdict is None:
            told = len(self.outcomes) >= FEWEST_SEEDS
            return "best" if told else "highest mean"
        return self.dropped or self.verdict.in_words()


def _error(outcome: Outcome) -> str:
    return in_one_line(outcome.error, LONGEST_ERROR)


def _figures(outcome: Outcome) -> Mapping[str, float]:
    return outcome.metrics | {
        "training_seconds": outcome.training_seconds,
        "seconds": outcome.seconds,
    }


def same_but_seed(config: Tree) -> str:
    """Return a text that is the same for configurations whose trainings differ in the seed alone.

    What is not trained with does not count.
    """
    return json.dumps(
        [config[key] for key in ("data", "prepare", "model", "train")], sort_keys=True
    )


def grouped(results: Sequence[Result]) -> list[Group]:
    """Group results; on each data set the best group first: by mean validation accuracy, then loss.

    Accuracies on other data cannot be compared. Groups that a race dropped come after the others,
    failed ones last, and so does data on which nothing finished.
    """
    found: dict[str, dict[str, Result]] = {}
    for result in results:
        trials = found.setdefault(same_but_seed(result.trial.config), {})
        trials.setdefault(result.trial.key, result)
    on_data: dict[str, list[Group]] = {}
    for group in (Group([*trials.values()]) for trials in found.values()):
        on_data.setdefault(group.data, []).append(group)
    compared = sorted(map(_compare, on_data.values()), key=lambda groups: not groups[0].outcomes)
    return [group for groups in compared for group in groups]


def _compare(unsorted: Sequence[Group]) -> list[Group]:
    """Return groups on the same data, sorted, each with how it compares with the best."""
    groups = sorted(unsorted, key=_rank)
    comparable = [group.by_seed(CHOOSES) for group in groups if group.outcomes]
    verdicts = iter(compare_with_best(comparable[0], comparable[1:]) if comparable else [])
    return [
        replace(group, verdict=next(verdicts)) if place and group.outcomes else group
        for place, group in enumerate(groups)
    ]


def _rank(group: Group) -> tuple[bool, bool, float, float]:
    accuracy, loss = group.mean(CHOOSES), group.mean("val_loss")
    return not group.outcomes, group.dropped is not None, -(accuracy or 0.0), loss or 0.0


def keys_of(groups: Sequence[Group]) -> list[str]:
    """Return the keys, apart from those always shown, whose values differ between groups."""
    return varied_keys([{**group.results[0].trial.config, SEED: 0} for group in groups])


def group_rows(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Return one row of plain values a group: its settings, means and intervals, the verdict.

    The 95 % interval of the mean of KEY runs from KEY_low to KEY_high.
    """
    keys = keys_of(groups)
    metrics = dict.fromkeys(
        key for group in groups for each in group.outcomes.values() for key in _figures(each)
    )
    return [_row(group, keys, list(metrics)) for group in groups]


def _row(group: Group, keys: Sequence[str], metrics: Sequence[str]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for key in metrics:
        figures[key] = group.mean(key)
        if key in WITH_INTERVAL:
            figures[f"{key}_low"], figures[f"{key}_high"] = group.interval(key)
    if figures.get("parameters") is not None:
        figures["parameters"] = int(figures["parameters"])
    return {
        **settings(group.results[0].trial, keys),
        "seeds": len(group.outcomes),
        **figures,
        "tied": group.tied,
        "p_value": group.verdict.p_value if group.verdict else None,
        "compared": group.compared(),
        "run_ids": " ".join(result.run_id for result in group.results),
    }
