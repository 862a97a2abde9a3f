"""Measure what a race saves, and whether it still finds the best: `python -m benchmarks.race`.

12 configurations × 8 seeds on MNIST are trained once, 96 short trainings, into race_table.csv
beside this file, unless it is there (`--train` renews it; after an interruption it goes on). Races
are then replayed from that table, each with its own order of the seeds. A race is right if it ends
with a configuration that all 8 seeds together cannot tell from their best (paired t-tests,
Holm-corrected).
"""

import argparse
import csv
import logging
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.table import Row, print_rows
from pipeline.config.places import ROOT
from pipeline.digits.seeds import compare_with_best
from pipeline.experiments.race import Race, RaceSettings
from pipeline.experiments.trial import Outcome, Trial

TABLE = Path(__file__).with_name("race_table.csv")
KEPT = ROOT / ".benchmarks" / "race"
SEEDS = 8
COMMAND = (
    *(
        "model.hidden_units=[32],[64],[128],[256]",
        "train.epochs=1,2,4",
        f"seed=range(1,{SEEDS + 1})",
    ),
    *("train/distortion=none", "train.drawn_share=0.0", "train.other_share=0.0"),
    *("tracking.enabled=false", "hydra/launcher=joblib"),
)
COLUMNS = ("network", "learning_rate", "seed", "val_accuracy")

Scores = dict[str, list[float]]
"""The validation accuracies of each configuration, in the order of the seeds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", action="store_true", help="train all once more")
    parser.add_argument("--repeats", type=int, default=1000, help="races, each in its own order")
    parser.add_argument(
        "--closer", type=float, default=1, help="divide the differences between the means by this"
    )
    parser.add_argument("--first", type=int, default=RaceSettings().first)
    parser.add_argument("--seed", type=int, default=0, help="of the orders")
    arguments = parser.parse_args()
    if arguments.train or not TABLE.is_file():
        train()
    scores = moved_closer(read_table(), arguments.closer)
    logging.disable(logging.INFO)  # every round of every race
    rng = np.random.default_rng(arguments.seed)
    races = [
        race(scores, [int(n) for n in rng.permutation(SEEDS)], arguments.first)
        for _ in range(arguments.repeats)
    ]
    command = f"python -m benchmarks.race --repeats {len(races)}"
    if arguments.closer != 1:
        command += f" --closer {arguments.closer:g}"
    print_rows(rows(scores, races, command))


def train() -> None:
    """Train the table; finished trainings are not repeated."""
    KEPT.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "DVC_ROOT": str(KEPT)}
    command = [sys.executable, "-m", "pipeline.sweep", *COMMAND]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    (results,) = KEPT.glob(".sweeps/*/results.csv")
    with results.open() as file:
        trained = sorted(csv.DictReader(file), key=lambda row: [row[key] for key in COLUMNS[:3]])
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(trained)


def read_table() -> Scores:
    """Return the accuracies of every configuration."""
    scores: Scores = {}
    with TABLE.open() as file:
        for row in csv.DictReader(file):
            name = f"{row['network']} · {row['learning_rate']}"
            scores.setdefault(name, []).append(float(row["val_accuracy"]))
    return scores


def moved_closer(scores: Scores, times: float) -> Scores:
    """Return the accuracies with the differences between the means divided by a number.

    How the seeds scatter stays as it was trained.
    """
    middle = statistics.mean(value for values in scores.values() for value in values)
    moved = {}
    for name, values in scores.items():
        shift = (statistics.mean(values) - middle) * (1 / times - 1)
        moved[name] = [value + shift for value in values]
    return moved


def race(
    scores: Mapping[str, Sequence[float]], order: Sequence[int], first: int
) -> tuple[str, int]:
    """Return the configuration that a race ends with, and how many trainings it took."""
    run = Race(
        RaceSettings(seeds=SEEDS, first=first),
        SEEDS,
        name_of=lambda trial: trial.name,
        repeat=lambda trial, number: _trial(trial.name, number),
    )
    outcomes: dict[str, Outcome] = {}
    entered: dict[str, Trial] = {}
    for trials in run.rounds([_trial(name, 0) for name in scores], outcomes):
        for trial in trials:
            accuracy = scores[trial.name][order[trial.config["seed"]]]
            outcomes[trial.key] = Outcome("finished", metrics={"val_accuracy": accuracy})
            entered[trial.key] = trial
    left: Scores = {}
    for key, trial in entered.items():
        if key not in run.why_dropped:
            left.setdefault(trial.name, []).append(outcomes[key].metrics["val_accuracy"])
    return max(left, key=lambda name: statistics.mean(left[name])), len(entered)


def _trial(name: str, number: int) -> Trial:
    return Trial(f"{name} {number}", name, {"seed": number}, Path(), None)


def as_good_as_the_best(scores: Mapping[str, Sequence[float]]) -> set[str]:
    """Return the configurations that all seeds together cannot tell from their best."""
    best, *others = sorted(scores, key=lambda name: -statistics.mean(scores[name]))
    numbered = {name: dict(enumerate(values)) for name, values in scores.items()}
    verdicts = compare_with_best(numbered[best], [numbered[name] for name in others])
    return {best, *(n for n, verdict in zip(others, verdicts, strict=True) if not verdict.worse)}


def rows(scores: Scores, races: Sequence[tuple[str, int]], command: str) -> list[Row]:
    """Return how often races were right, and how many trainings they took."""
    good = as_good_as_the_best(scores)
    right = sum(winner in good for winner, _ in races)
    spent = [trainings for _, trainings in races]
    full = sum(map(len, scores.values()))
    share = (
        f"{right / len(races):.1%} of {len(races)} races, {len(good)} of {len(scores)} are as good"
    )
    most = f"{statistics.mean(spent):.1f} ({min(spent)} to {max(spent)}) of {full}"
    kind = "race" if "--closer" not in command else "race, means closer"
    return [
        Row(f"{kind}: ends with one as good as the best", share, command),
        Row(f"{kind}: trainings", most, command),
    ]


if __name__ == "__main__":
    main()
