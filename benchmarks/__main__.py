"""Run the benchmarks and save what they print: `python -m benchmarks [NAME …] [--quick]`.

The rows go to benchmarks/results.md, each with its date, below the machine and the versions. With a
name, such as `sweep` or `accuracy best`, only the benchmarks that begin with it are run; the rows
of the others stay. After an interruption, finished trainings are not repeated. --quick only checks
that everything still runs, and saves nothing.
"""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from benchmarks.mnist_file import write_mnist
from pipeline.config.places import ROOT

RESULTS = ROOT / "benchmarks" / "results.md"
PACKAGES = (
    "tensorflow",
    "keras",
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "mlflow",
    "dvc",
)
HEADER = "| what | result | command | date |"
MNIST = "mnist.npz"
FULL = (
    "pipeline_speed",
    "training_speed --batch-size 32",
    "training_speed --batch-size 128",
    "read_pictures --memory",
    "no_digits",
    "picture_kinds",
    "corrupted_pictures",
    "other_hands",
    "whole_numbers",
    "teaching",
    "serving",
    "serving --memory",
    "drift",
    f"sweep {MNIST} --plain-runs 3",
    "sweep --many 100",
    "race",
    "race --closer 4",
    "long_life",
    "accuracy default --seeds 5",
    "accuracy cnn --seeds 5",
    "accuracy mlp_best --seeds 5",
    "accuracy best --seeds 5",
)
QUICK = (
    "training_speed --rounds 1 --pictures 20000",
    "read_pictures --quick",
    "sweep --many 5",
    "no_digits",
    "race",
)


def main() -> None:
    """Run the benchmarks one by one, and save the rows of each as soon as it has ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help="such as: accuracy best")
    parser.add_argument(
        "--quick", action="store_true", help="check that everything runs, in three minutes"
    )
    arguments = parser.parse_args()
    begin = " ".join(arguments.name)
    chosen = [command for command in FULL if command.startswith(begin)]
    if not chosen:
        raise SystemExit(f"error: {begin}: no such benchmark; choose from: {'; '.join(FULL)}")
    for command in QUICK if arguments.quick else chosen:
        rows = run(command)
        if not arguments.quick:
            kept = RESULTS.read_text(encoding="utf-8") if RESULTS.is_file() else ""
            RESULTS.write_text("\n".join([*heading(), *merged(kept, rows), ""]), encoding="utf-8")


def run(command: str) -> list[str]:
    """Run one benchmark, show its output, and return the rows of the table in it."""
    print(f"python -m benchmarks.{command}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        words = command.split()
        if MNIST in words:
            words[words.index(MNIST)] = str(write_mnist(Path(folder) / MNIST))
        lines = []
        with subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{words[0]}", *words[1:]],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdout
            for line in process.stdout:
                print(line, end="", flush=True)
                lines.append(line.rstrip())
    if process.returncode:
        raise SystemExit(f"error: benchmarks.{command} ended with {process.returncode}")
    today = datetime.date.today()
    return [f"{line} {today} |" for line in lines if line.startswith("| ")]


def merged(kept: str, rows: list[str]) -> list[str]:
    """Return the table with old rows replaced by new ones of the same name, others appended."""
    table = {row.split(" | ")[0]: row for row in kept.splitlines() if row.startswith("| ")}
    table.pop(HEADER.split(" | ")[0], None)
    return list((table | {row.split(" | ")[0]: row for row in rows}).values())


def heading() -> list[str]:
    """Return the head of the file: the machine and the versions of the newest measurements."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, no GPU, {platform.system()}"
    return [
        "# Measured",
        "",
        f"{machine}, Python {platform.python_version()}; {versions}.",
        "Medians, with the range and the number of runs in brackets; `make bench` measures again.",
        "Other programs lengthen a training, but hardly change its processor seconds.",
        "",
        HEADER,
        "|---|---|---|---|",
    ]


if __name__ == "__main__":
    main()
