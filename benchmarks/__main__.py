"""Run the benchmarks and keep what they print: `python -m benchmarks [--quick]`.

The rows go to benchmarks/results.md, with the machine, the versions and the date; with --quick,
which is for seeing that everything still runs, to the terminal alone.
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

import numpy as np

from pipeline.config import ROOT
from pipeline.digits.datasets import mnist

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
MNIST = "MNIST.npz"
FULL = (
    "training_speed",
    "training_speed --batch-size 128",
    "pipeline_speed --rounds 3",
    f"sweep {MNIST}",
    "sweep --many 100",
    "read_pictures --memory",
    "accuracy default cnn --seeds 5",
    "accuracy mlp_best best --seeds 5",
)
QUICK = (
    "training_speed --rounds 1 --pictures 20000",
    "read_pictures --quick",
)


def main() -> None:
    """Run them one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="within three minutes")
    quick = parser.parse_args().quick
    rows = [row for command in (QUICK if quick else FULL) for row in run(command)]
    if not quick:
        RESULTS.write_text("\n".join([*heading(), *rows, ""]), encoding="utf-8")


def run(command: str) -> list[str]:
    """Run one benchmark, showing what it prints; give the rows of the table among it."""
    print(f"python -m benchmarks.{command}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        words = command.split()
        if MNIST in words:
            words[words.index(MNIST)] = str(_mnist_file(Path(folder)))
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
    return [line for line in lines if line.startswith("| ")]


def heading() -> list[str]:
    """Say where and with what it was measured."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, no GPU, {platform.system()}"
    return [
        "# Measured",
        "",
        f"{machine}, Python {platform.python_version()}; {versions}; {datetime.date.today()}.",
        "Medians, with the range and the number of runs in brackets; `make bench` measures again.",
        "",
        "| what | result | command |",
        "|---|---|---|",
    ]


def _mnist_file(folder: Path) -> Path:
    dataset = mnist(on_unavailable="error")
    arrays = {"x_train": dataset.train.images, "y_train": dataset.train.labels}
    arrays |= {"x_test": dataset.test.images, "y_test": dataset.test.labels}
    np.savez(folder / "mnist.npz", **arrays)
    return folder / "mnist.npz"


if __name__ == "__main__":
    main()
