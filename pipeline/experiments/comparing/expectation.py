"""The test accuracy expected of a promoted configuration, for the summary to check."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from pipeline.config.trees import Tree
from pipeline.experiments.comparing.groups import same_but_seed
from pipeline.experiments.trial import sweeps_dir
from pipeline.plots.style.numbers import counted, percent
from pipeline.system.files import write_json


@dataclass(frozen=True)
class Expectation:
    """The range in which the test accuracy of one more training is expected.

    Attributes:
        low: Lower end of the 95 % prediction interval, 0..1.
        high: Its upper end; more than 1 is cut.
        seeds: The number of trainings it was computed from.
        configuration: What is trained, without its seed.
    """

    low: float
    high: float
    seeds: int
    configuration: str

    def in_words(self) -> str:
        """Say the range and where it comes from."""
        return (
            f"{percent(self.low)} to {percent(min(1.0, self.high))} "
            f"(95 % prediction interval for one training, from {counted(self.seeds, 'seed')})"
        )

    def save(self) -> None:
        """Keep it as the expectation of the promoted configuration."""
        write_json(_file(), asdict(self))

    @classmethod
    def load(cls) -> Self | None:
        """Return what was kept last; None if there is none that can be read."""
        try:
            return cls(**json.loads(_file().read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def compare_with_expected(config: Tree, test_accuracy: float) -> str | None:
    """Say whether a test accuracy, 0..1, is as expected; None if nothing is of this configuration.

    Args:
        config: The composed configuration that was trained.
        test_accuracy: The result.
    """
    expected = Expectation.load()
    if expected is None or expected.configuration != same_but_seed(config):
        return None
    if test_accuracy < expected.low:
        return f"below the expected {expected.in_words()}"
    if test_accuracy > expected.high:
        return f"above the expected {expected.in_words()}"
    return f"within the expected {expected.in_words()}"


def _file() -> Path:
    return sweeps_dir() / "promoted.json"
