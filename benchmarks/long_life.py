"""Measure what commands and the disk take as experiments accumulate in one clone.

`python -m benchmarks.long_life [--sizes 1 50 100 200]` runs a small experiment in a clone, and
copies it: its runs with all they hold into MLflow, its results into DVC's cache and run cache under
other hashes, a commit of dvc.lock under refs/exps. Seconds are the processor's, of the command and
all it starts: other programs hardly change them.
"""

import argparse
import hashlib
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.pipeline_speed import copy_project
from benchmarks.table import Row, print_rows

COMMAND = "python -m benchmarks.long_life"
SMALL = (
    "data=mnist_5000",
    "model.hidden_units=[16]",
    "train.epochs=2",
    "train.distortion=null",
    "train.batch_size=16",
    "train.jit_compile=false",
    "train.drawn_share=0.0",
    "train.other_share=0.0",
)
MEASURED = {
    "start of a command (pipeline.status)": ("pipeline.status",),
    "dvc repro with nothing to do": ("dvc", "repro"),
    "report on the last ten": ("pipeline.report", "last=10"),
    "dvc exp show": ("dvc", "exp", "show", "--json"),
    "what gc looks through": ("pipeline.gc",),
}
LISTED = """
import resource, sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
here = client.get_experiment_by_name("digits").experiment_id
client.search_runs([here], max_results=1)
before = resource.getrusage(resource.RUSAGE_SELF)
runs = client.search_runs([here], "metrics.val_accuracy > 0", max_results=100)
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
"""


def main() -> None:
    """Let a clone grow, measure it at every size, and print a row for each thing measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 50, 100, 200])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        clone = copy_project(Path(name) / "project")
        call(clone, "pipeline", *SMALL)
        grown, table = 1, []
        for size in arguments.sizes:
            grow(clone, size - grown)
            grown = size
            table.append(measure(clone, arguments.rounds))
    sizes = ", ".join(map(str, arguments.sizes))
    print_rows(
        [
            Row(f"{what}, {sizes} experiments", ", ".join(each[what] for each in table), COMMAND)
            for what in table[0]
        ]
    )  # fmt: skip


def measure(clone: Path, rounds: int) -> dict[str, str]:
    """Return every figure of a clone as it is, in words."""
    found = {what: seconds(clone, rounds, *command) for what, command in MEASURED.items()}
    listed = [float(python(clone, "-c", LISTED, store(clone))) for _ in range(rounds)]
    found["list of 100 runs, MLflow imported"] = f"{statistics.median(listed):.2f} s"
    for what, place in (("MLflow's database", "mlflow.db"), ("its artifacts", "mlartifacts"),
                        ("DVC's cache", ".dvc/cache"), ("all else", "")):  # fmt: skip
        found[f"size of {what}"] = f"{size_of(clone, place) / 1e6:.0f} MB"
    print(found, flush=True)
    return found


def seconds(clone: Path, rounds: int, *command: str) -> str:
    """Return the median of the processor seconds of a command."""
    taken = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        call(clone, *command)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return f"{statistics.median(taken):.2f} s"


def call(clone: Path, *command: str) -> str:
    """Run a module in the clone."""
    return python(clone, "-m", *command)


def python(clone: Path, *arguments: str) -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW", "DVC"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    done = subprocess.run(
        [sys.executable, *arguments], cwd=clone, env=env | {"PATH": path, "PYTHONPATH": str(clone)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def size_of(clone: Path, place: str) -> int:
    """Return how many bytes a file or folder has; of all else, what is in no other one or Git's."""
    spared = () if place else ("mlflow.db", "mlartifacts", ".dvc", ".git")
    files = [clone / place] if (clone / place).is_file() else (clone / place).rglob("*")
    return sum(
        file.lstat().st_size
        for file in files
        if file.is_file() and not file.relative_to(clone).parts[0].startswith(spared or "\0")
    )


def store(clone: Path) -> str:
    return f"sqlite:///{clone / 'mlflow.db'}"


def grow(clone: Path, count: int) -> None:
    """Add copies of the experiment to the clone."""
    from mlflow import MlflowClient

    client = MlflowClient(store(clone))
    here = client.get_experiment_by_name("digits")
    (training,) = client.search_runs([here.experiment_id], "tags.stage = 'train'", max_results=1)
    (predictions,) = client.search_runs(
        [here.experiment_id], "tags.stage = 'predict-custom'", max_results=1
    )
    for _ in range(count):
        copied = copy_run(client, training, {})
        copy_run(client, predictions, {"mlflow.parentRunId": copied})
        copy_results(clone, training.info.run_id, copied)
        copy_commit(clone)


def copy_run(client: Any, run: Any, tags: dict[str, str]) -> str:
    """Copy a run with all its values, files and its model; return the id of the copy."""
    from mlflow.entities import Metric, Param, RunTag

    new = client.create_run(run.info.experiment_id, tags={**run.data.tags, **tags})
    values = [
        Metric(each.key, each.value, each.timestamp, each.step)
        for key in run.data.metrics
        for each in client.get_metric_history(run.info.run_id, key)
    ]
    params = [Param(key, value) for key, value in run.data.params.items()]
    client.log_batch(new.info.run_id, values, params, [RunTag("copied", "true")])
    copy_folder(run.info.artifact_uri, new.info.artifact_uri)
    for output in run.outputs.model_outputs if run.outputs else []:
        model = client.get_logged_model(output.model_id)
        other = client.create_logged_model(
            run.info.experiment_id, model.name, new.info.run_id, model.tags, model.params
        )
        copy_folder(model.artifact_location, other.artifact_location)
        client.finalize_logged_model(other.model_id, "READY")
    client.set_terminated(new.info.run_id)
    return str(new.info.run_id)


def copy_folder(source: str, target: str) -> None:
    folder = Path(source.removeprefix("file://"))
    if folder.is_dir():
        shutil.copytree(folder, Path(target.removeprefix("file://")), dirs_exist_ok=True)


def copy_results(clone: Path, run_id: str, copied: str) -> None:
    """Copy what DVC keeps of a training and what was made of it, as if another one had run."""
    cache = clone / ".dvc" / "cache"
    objects, renamed = cache / "files" / "md5", {}
    entries = [file.read_text() for file in cache.glob("runs/*/*/*")]
    id_hash = md5(f"{run_id}\n".encode())
    ours = [text for text in entries if id_hash in text]
    for name in {each for text in ours for each in re.findall(r"md5: ([0-9a-f]{32})\n", text)}:
        if (file := objects / name[:2] / name[2:]).is_file():
            content = file.read_bytes()
            other = f"{copied}\n".encode() if name == id_hash else content + os.urandom(8)
            renamed[name] = md5(other)
            place = objects / renamed[name][:2] / renamed[name][2:]
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(other)
    for text in ours:
        key = hashlib.sha256(uuid.uuid4().bytes).hexdigest()
        place = cache / "runs" / key[:2] / key / hashlib.sha256(text.encode()).hexdigest()
        place.parent.mkdir(parents=True)
        place.write_text(re.sub(r"[0-9a-f]{32}", lambda each: renamed.get(each[0], each[0]), text))


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def copy_commit(clone: Path) -> None:
    """Add a commit with the dvc.lock of now as one of DVC's experiments."""
    env = os.environ | {"GIT_INDEX_FILE": str(clone / ".git" / "experiment-index")}
    env |= {f"GIT_{who}_{what}": "a@b.invalid" for who, what in _people()}

    def git(*command: str) -> str:
        done = subprocess.run(
            ["git", *command], cwd=clone, env=env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("read-tree", "HEAD")
    git("add", "-f", "dvc.lock")
    head, name = git("rev-parse", "HEAD"), f"copy-{uuid.uuid4().hex[:8]}"
    commit = git("commit-tree", git("write-tree"), "-p", head, "-m", name)
    git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/{name}", commit)


def _people() -> Iterator[tuple[str, str]]:
    return ((who, what) for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL"))


if __name__ == "__main__":
    main()
