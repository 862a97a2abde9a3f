"""Measure a sweep of 12 configurations against 12 plain scripts, and the cost of many trials.

`python -m benchmarks.sweep MNIST.npz [--plain-runs 3]` trains 4 layer sizes × 3 epoch counts, the
same both ways. With 3 plain runs, one layer size is measured and counted four times.
`python -m benchmarks.sweep --many 100` measures time and memory of trials 1 to 100.
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import Row, print_rows
from pipeline.config.places import ROOT

SIZES = ([64], [128], [128, 128], [256, 128])
EPOCHS = (2, 5, 10)
# The training of plain_script.py: Adam at a constant 0.001, batches of 32, no distortion.
AS_PLAIN = (
    "train/schedule=constant",
    "train.learning_rate=0.001",
    "train.batch_size=32",
    "train.distortion=null",
    "train.drawn_share=0.0",
    "train.other_share=0.0",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mnist", type=Path, nargs="?", help="mnist.npz, for the plain script")
    parser.add_argument("--plain-runs", type=int, choices=(3, 12), default=12)
    parser.add_argument("--many", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.mnist:
        compare(arguments.mnist.absolute(), arguments.plain_runs)
    if arguments.many:
        repeat(arguments.many)


def compare(mnist: Path, plain_runs: int) -> None:
    sizes = SIZES if plain_runs == 12 else SIZES[1:2]
    plain = sum(time_plain(mnist, units, epochs) for units in sizes for epochs in EPOCHS)
    plain *= len(SIZES) / len(sizes)
    command = f"python -m benchmarks.sweep {mnist.name} --plain-runs {plain_runs}"
    print_rows([Row("12 plain scripts", f"{plain:.0f} s from {plain_runs} runs", command)])
    grid = f"model.hidden_units={','.join(str(units).replace(' ', '') for units in SIZES)}"
    epochs = f"train.epochs={','.join(map(str, EPOCHS))}"
    for launcher in ("one_by_one", "joblib"):
        seconds, rows = time_sweep(grid, epochs, *AS_PLAIN, f"hydra/launcher={launcher}")
        assert len(rows) == len(SIZES) * len(EPOCHS)
        worst = min(float(row["test_accuracy"]) for row in rows)
        result = f"{seconds:.0f} s, {plain / seconds:.1f} times as fast; worst test {worst:.4f}"
        print_rows([Row(f"sweep of 12, {launcher}", result, command)])


def repeat(trials: int) -> None:
    seeds = f"seed=range({trials})"
    _, rows = time_sweep(
        seeds, "data=mnist_5000", "model.hidden_units=[64]", "train.epochs=2", *AS_PLAIN
    )
    ordered = sorted(rows, key=lambda row: int(row["seed"]))
    seconds = [float(row["seconds"]) for row in ordered]
    memory = [int(row["peak_memory_mib"]) for row in ordered]
    early, late = statistics.median(seconds[:10]), statistics.median(seconds[-10:])
    command = f"python -m benchmarks.sweep --many {trials}"
    times = f"{early:.2f} s among the first ten, {late:.2f} s among the last ten of {trials}"
    peak = f"{memory[4]} MiB in trial 5, {memory[-1]} MiB in trial {trials}"
    print_rows([Row("median trial", times, command), Row("peak memory", peak, command)])


def time_plain(mnist: Path, units: list[int], epochs: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pictures").mkdir()
        begun = time.perf_counter()
        subprocess.run(
            [
                sys.executable, "benchmarks/plain_script.py", mnist, f"{folder}/pictures",
                f"{folder}/output", "--hidden-units", *map(str, units), "--epochs", str(epochs),
            ],
            cwd=ROOT, check=True, capture_output=True,
        )  # fmt: skip
        return time.perf_counter() - begun


def time_sweep(*overrides: str) -> tuple[float, list[dict[str, str]]]:
    """Run a sweep without earlier trials, on a new MLflow store; return its seconds and results."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "pipeline.sweep", *overrides],
            cwd=ROOT,
            env={**os.environ, "DVC_ROOT": folder},
            check=True,
            capture_output=True,
        )
        seconds = time.perf_counter() - begun
        (results,) = Path(folder).glob(".sweeps/*/results.csv")
        with results.open() as file:
            rows = list(csv.DictReader(file))
        failed = [row["error"] for row in rows if row["status"] != "finished"]
        assert not failed, failed
        return seconds, rows


if __name__ == "__main__":
    main()
