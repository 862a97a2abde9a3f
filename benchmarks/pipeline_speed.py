"""Measure how long the whole pipeline takes, against one plain script that does less.

`python -m benchmarks.pipeline_speed [--rounds 3]` runs in turn benchmarks/plain_script.py and, in a
new clone of the project without a cache, `dvc repro`: cold, with one more picture to read, and with
nothing changed. It also compares the training of the default network with the script's fit.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.mnist_file import write_mnist
from benchmarks.table import Row, median_and_spread, print_rows
from pipeline.config.places import ROOT

COMMAND = "python -m benchmarks.pipeline_speed"


def main() -> None:
    """Run all rounds and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    count = parser.parse_args().rounds
    rounds = [one_round() for _ in range(count)]
    command = f"{COMMAND} --rounds {count}"
    rows = (
        ("dvc repro, cold, against the plain script", "cold"),
        ("dvc repro with one more picture, against the plain script", "picture"),
        ("dvc repro with nothing changed, against the plain script", "nothing"),
        ("training the default network, against the plain script's fit of 5 epochs", "fit"),
    )
    print_rows(
        [Row(what, median_and_spread([r[key] for r in rounds], "×"), command) for what, key in rows]
    )


def one_round() -> dict[str, float]:
    """Return each duration divided by the plain script's in the same round."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_mnist(folder / "mnist.npz")
        plain = run_plain(folder)
        project = copy_project(folder / "project")
        cold, output = timed_repro(project, folder)
        shutil.copy(project / "data/custom/9_photo.jpg", project / "data/custom/one_more.jpg")
        picture, _ = timed_repro(project, folder)
        nothing, _ = timed_repro(project, folder)
    seconds = {"cold": cold, "picture": picture, "nothing": nothing}
    print(json.dumps({"plain": plain, **seconds, "load": os.getloadavg()[0]}), flush=True)
    ratios = {key: taken / plain["total"] for key, taken in seconds.items()}
    return ratios | {"fit": training_seconds(output) / plain["fit_seconds"]}


def training_seconds(output: str) -> float:
    """Add up the seconds that the train stage reported for its epochs."""
    seconds = re.findall(r"^epoch \d+/\d+: .*, ([\d.]+) s$", output, re.MULTILINE)
    assert seconds, "the train stage reports its epochs in another format now"
    return sum(map(float, seconds))


def run_plain(folder: Path) -> dict[str, float]:
    """Run the plain script; return the times it reports, and the total including its start."""
    script = [sys.executable, str(ROOT / "benchmarks" / "plain_script.py")]
    places = [str(folder / "mnist.npz"), str(ROOT / "data" / "custom"), str(folder / "plain")]
    before = time.perf_counter()
    done = subprocess.run([*script, *places], capture_output=True, text=True, check=True)
    return {**json.loads(done.stdout), "total": time.perf_counter() - before}


def copy_project(folder: Path) -> Path:
    """Clone the project as it is committed."""
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    (folder / "dvc.lock").unlink(missing_ok=True)
    return folder


def timed_repro(project: Path, folder: Path) -> tuple[float, str]:
    """Return the wall seconds of `dvc repro` on the MNIST in this folder, and its log."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("DVC", "MLFLOW"))
    }
    environment |= {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "MNIST_DIR": str(folder / "mnist.npz"),
    }
    before = time.perf_counter()
    done = subprocess.run(
        ["dvc", "repro"], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"error: dvc repro failed: {done.stderr[-2000:]}")
    return time.perf_counter() - before, done.stderr


if __name__ == "__main__":
    main()
