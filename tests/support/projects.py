"""A copy of the project to type commands in, as a user does."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
import zipfile
from contextlib import closing
from pathlib import Path

import yaml

from pipeline.config.composing import compose
from pipeline.config.params import dump
from pipeline.config.places import ROOT

SMALL = (
    "data=mnist_5000",
    "model.hidden_units=[16]",
    "train.distortion=null",
    "train.batch_size=16",
    # Compiling and drawing would take longer than the training.
    "train.jit_compile=false",
    "train.drawn_share=0.0",
    "train.other_share=0.0",
    "train.epochs=2",
)


# Run by every Python process of the project, the recorder's as well, before anything else.
WATCH = """
import sys
from pathlib import Path

def watch(event, arguments):
    if event not in ("socket.connect", "socket.getaddrinfo"):
        return
    place = arguments[1] if event == "socket.connect" else arguments
    if isinstance(place, tuple) and place[0] not in ("127.0.0.1", "::1", "localhost"):
        with Path(__file__).with_name("connections.txt").open("a") as file:
            file.write(f"{place[:2]} by {sys.argv}\\n")

sys.addaudithook(watch)
"""

CALL_ELSEWHERE = """
import socket
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9))
except OSError:
    pass
"""


class Project:
    """A copy of the project's tracked files, in a git repository of its own."""

    def __init__(self, folder):
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        (folder / "dvc.lock").unlink(missing_ok=True)
        self.env = {
            key: value
            for key, value in os.environ.items()
            # A hundred processes import the project's modules: let the first one save the bytecode.
            if not key.startswith(("MLFLOW", "DVC", "MNIST", "GIT_", "PYTHONDONTWRITEBYTECODE"))
        } | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@b.invalid",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@b.invalid",
        }
        with (folder / ".gitignore").open("a") as ignored:
            ignored.write("home/\n")
        self.run("git", "init", "-q", "-b", "main")
        self.commit()

    def run(self, *command):
        done = self.do(*command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def refused(self, *command):
        """Run a command that must end in one line of error; return that line."""
        done = self.do(*command)
        assert done.returncode == 1
        lines = [line for line in done.stderr.splitlines() if "params.yaml differs" not in line]
        assert len(lines) == 1, done.stderr
        return lines[0]

    def do(self, *command):
        return subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )

    def commit(self):
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", "state", "--allow-empty")

    def experiment(self, *overrides):
        return self.run("python", "-m", "pipeline", *SMALL, *overrides)

    def stages_to_run(self):
        return stages_run(self.run("dvc", "repro", "--dry"))

    def change_params(self, section, **values):
        path = self.folder / "params.yaml"
        tree = yaml.safe_load(path.read_text())
        tree[section].update(values)
        path.write_text(yaml.safe_dump(tree, sort_keys=False))

    def read_json(self, name):
        return json.loads((self.folder / name).read_text())

    def run_id(self):
        return (self.folder / "models" / "run_id.txt").read_text().strip()

    def mlflow(self, root=None):
        from mlflow import MlflowClient

        return MlflowClient(f"sqlite:///{(root or self.folder) / 'mlflow.db'}")

    def runs(self, condition="", root=None, experiment="digits"):
        client = self.mlflow(root)
        found = client.get_experiment_by_name(experiment).experiment_id
        return client.search_runs([found], condition)

    def runs_with(self, metric):
        """Count the runs that have a metric; without MLflow, which may be creating its tables.

        Repeated queries through MLflow or DVC would slow down the process that is waited for.
        """
        try:
            with closing(
                sqlite3.connect(f"file:{self.folder}/mlflow.db?mode=ro", uri=True)
            ) as database:
                query = "select count(distinct run_uuid) from metrics where key = ?"
                return database.execute(query, [metric]).fetchone()[0]
        except sqlite3.OperationalError:
            return 0

    def watch_connections(self):
        """Let every Python process note in connections.txt whom it connects to beyond this one."""
        (self.folder / "sitecustomize.py").write_text(WATCH)
        self.env["PYTHONPATH"] = str(self.folder)

    def results(self):
        """Return the bytes of every file of metrics, and of the network's weights."""
        found = self.folder.glob("reports/*/metrics.json")
        files = {path.parent.name: path.read_bytes() for path in found}
        with zipfile.ZipFile(self.folder / "models/model.keras") as model:
            return files | {"weights": model.read("model.weights.h5")}

    def wake_mlflow(self):
        """Start MLflow before a training that would otherwise end before MLflow is up."""
        (self.folder / "params.yaml").write_text(dump(compose(list(SMALL))))
        prepared = self.runs_with("pictures_train")
        self.run("python", "-m", "pipeline.stages.prepare")
        wait_for(lambda: self.runs_with("pictures_train") > prepared, seconds=120)


def stages_run(output):
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def wait_for(condition, seconds, every=0.5):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited too long"
        time.sleep(every)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except OSError:
        return False
    return True
