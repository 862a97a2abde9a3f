"""A race: spend seeds where it is open which configuration is best.

All configurations get a few seeds. Those that are certainly worse than the best get no more, the
others one more seed a round, as in F-race (M. Birattari, T. Stützle, L. Paquete, K. Varrentrapp,
GECCO 2002) and irace (M. López-Ibáñez et al., Operations Research Perspectives 3, 2016). The tests
are in `pipeline.digits.seeds`.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from pydantic import Field

from pipeline.config.schema import Section
from pipeline.digits.seeds import (
    FEWEST_SEEDS,
    block_p_values,
    can_still_be_told,
    p_text,
)
from pipeline.digits.significance import SIGNIFICANCE
from pipeline.experiments.comparing.axes import SEED
from pipeline.experiments.comparing.groups import CHOOSES
from pipeline.experiments.trial import Outcome, Trial, make_trial
from pipeline.plots.style.numbers import counted, percent
from pipeline.system.errors import InputError

log = logging.getLogger(__name__)

Racers = dict[str, list[Trial]]
"""The trials of each configuration that is still in the race, by the key of its first one."""


class RaceSettings(Section):
    """How many seeds a race may spend, and when it ends."""

    seeds: Annotated[int, Field(ge=2, le=1_000)] | None = None
    first: Annotated[int, Field(ge=2, le=1_000)] = 2
    trials: Annotated[int, Field(ge=1)] | None = None
    minutes: Annotated[float, Field(gt=0)] | None = None


def repeat(trial: Trial, number: int) -> Trial:
    """Return the trial of the same configuration whose seed is larger by a number."""
    return make_trial({**trial.config, SEED: trial.config[SEED] + number}, threads=1)


@dataclass
class Race:
    """One race, which is run by what goes through its rounds.

    Attributes:
        settings: Its limits.
        seeds: The most seeds that a configuration gets.
        name_of: Returns the name of a configuration's trial.
        repeat: As the function of that name.
        why_dropped: Why a configuration got no more seeds, by the key of each of its trials.
        started: When it began, on the monotonic clock.
    """

    settings: RaceSettings
    seeds: int
    name_of: Callable[[Trial], str]
    repeat: Callable[[Trial, int], Trial] = repeat
    why_dropped: dict[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def rounds(
        self, firsts: Sequence[Trial], outcomes: Mapping[str, Outcome]
    ) -> Iterator[Sequence[Trial]]:
        """Yield the trials of each round, those of earlier rounds included.

        Args:
            firsts: The first trial of each configuration.
            outcomes: The outcomes of all trials that have ended, by key; before the next round is
                taken, they must be there for all that were yielded.

        Raises:
            InputError: The limits leave no room for the first round.
        """
        racers: Racers = {trial.key: [trial] for trial in firsts}
        everyone = dict(racers)
        begin = min(self.settings.first, self.seeds)
        for count in range(begin, self.seeds + 1):
            wanted = sum(count - len(repeats) for repeats in racers.values())
            spent = sum(map(len, everyone.values())) if count > begin else 0
            if reason := self._limit(spent, wanted if spent else len(racers) * count):
                break
            for key, repeats in racers.items():
                more = (self.repeat(repeats[0], n) for n in range(len(repeats), count))
                racers[key] = everyone[key] = [*repeats, *more]
            yield [trial for repeats in racers.values() for trial in repeats]
            racers, reason = self._judge(racers, outcomes, count)
            if reason:
                break
        log.info("the race is over: %s", reason)

    def _limit(self, spent: int, wanted: int) -> str:
        """Return which limit leaves no room for the next round; "" if none does."""
        most, minutes = self.settings.trials, self.settings.minutes
        if most is not None and spent + wanted > most:
            if not spent:
                raise InputError(f"race.trials={most}: the first round alone takes {wanted}")
            return f"another round would take more than race.trials={most}"
        if minutes is not None and time.monotonic() - self.started > 60 * minutes:
            return f"race.minutes={minutes:g} have passed"
        return ""

    def _judge(
        self, racers: Racers, outcomes: Mapping[str, Outcome], count: int
    ) -> tuple[Racers, str]:
        """Drop what is certainly worse; return who is left and, if it is over, why."""
        out = {key: "failed" for key, trials in racers.items() if _failed(trials, outcomes)}
        left = [key for key in racers if key not in out]
        scores = {
            key: [outcomes[trial.key].metrics[CHOOSES] for trial in racers[key]] for key in left
        }
        out |= _certainly_worse(scores)
        left = [key for key in left if key not in out]
        means = {key: float(np.mean(scores[key])) for key in left}
        best = max(left, key=means.__getitem__, default=None)
        if best is not None:
            self._tell({key: racers[key] for key in out}, out, racers[best][0], means[best], count)
        for key, why in out.items():
            words = f"dropped after {counted(count, 'seed')} ({why})"
            self.why_dropped |= {trial.key: words for trial in racers[key]}
        return {key: racers[key] for key in left}, self._ending(
            [scores[key] for key in left], count
        )

    def _tell(
        self, out: Racers, why: Mapping[str, str], best: Trial, accuracy: float, count: int
    ) -> None:
        """Say in one line what a round has dropped."""
        names = [f"{self.name_of(trials[0])} ({why[key]})" for key, trials in out.items()]
        log.info(
            "%s each, best so far %s with %s: %s",
            counted(count, "seed"), self.name_of(best), percent(accuracy),
            f"dropped {len(names)}: {', '.join(names)}" if names else "none is certainly worse",
        )  # fmt: skip

    def _ending(self, scores: Sequence[Sequence[float]], count: int) -> str:
        """Return why the race is over; "" if it is not."""
        if len(scores) < 2:
            return "one is left" if scores else "none is left"
        if count == self.seeds:
            return f"all {counted(count, 'seed')} are used; the {len(scores)} left are ties"
        if count >= FEWEST_SEEDS and not can_still_be_told(scores, self.seeds):
            return (
                f"the {len(scores)} left are ties; {counted(self.seeds, 'seed')} would not tell "
                "them apart"
            )
        return ""


def _failed(trials: Sequence[Trial], outcomes: Mapping[str, Outcome]) -> bool:
    return any(outcomes[trial.key].status != "finished" for trial in trials)


def _certainly_worse(scores: Mapping[str, Sequence[float]]) -> dict[str, str]:
    """Return the keys of those certainly worse than the best, with their p-values in words.

    The spread is pooled over all that are compared. So after some have been dropped the others are
    compared once more, by a spread that is theirs.
    """
    left = dict(scores)
    out: dict[str, str] = {}
    while len(left) > 1:
        values = np.array(list(left.values()))
        p_values = block_p_values(values, int(values.mean(axis=1).argmax()))
        worse = {
            key: p_text(p)
            for key, p in zip(left, p_values.tolist(), strict=True)
            if p < SIGNIFICANCE
        }
        if not worse:
            break
        out |= worse
        left = {key: each for key, each in left.items() if key not in out}
    return out
