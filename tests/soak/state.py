"""A checkout to throw faults at: what its commands leave, and what is wrong with that."""

import json
import os
import pickle
import shutil
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing, suppress

import psutil
import yaml
from support.projects import SMALL, Project, wait_for

RECORDER = "pipeline.tracking.recording"
EPOCHS = int(SMALL[-1].split("=")[1])
SETTLES = 60  # seconds within which all is recorded and everything has ended
OUTPUTS = {
    "prepare": ["data/prepared", "reports/prepare"],
    "train": ["models/model.keras", "models/model.onnx", "models/run_id.txt",
              "models/settings.json", "reports/train", "reports/train.json"],
    "evaluate": ["reports/evaluate", "reports/evaluate.json"],
    "predict-custom": ["reports/predict-custom"],
    "experiment": ["data/prepared", "models", "reports", "dvc.lock"],
    "sweep": [".sweeps"],
    "search": [".sweeps"],
    "register": [],
    "sync": [],
}  # fmt: skip
RESULTS = (
    "reports/*.json", "reports/*/metrics.json", "reports/*/*.csv", "data/prepared/*",
    "models/model.onnx", "models/model.keras", "models/settings.json", "params.yaml",
)  # fmt: skip
DELETE_MODEL = (
    "from mlflow import MlflowClient as C; "
    "C('sqlite:///mlflow.db').delete_registered_model('digits')"
)
TIMES = ("seconds", "training_seconds", "peak_memory", "ms_per_picture", "ended")


class Checkout(Project):
    """A project with all results, and the results of an undisturbed run to compare with."""

    @classmethod
    def at(cls, folder):
        """Return the checkout in a folder, made there if it is not there."""
        if (folder / "reference.pickle").is_file():
            checkout = cls.__new__(cls)
            checkout.folder = folder
            checkout.env = json.loads((folder / "home" / "env.json").read_text())
            return checkout
        folder.mkdir(parents=True)
        checkout = cls(folder)
        (folder / "home").mkdir(exist_ok=True)
        (folder / "home" / "env.json").write_text(json.dumps(checkout.env))
        checkout.experiment()
        reference = checkout.results()
        (folder / "reference.pickle").write_bytes(pickle.dumps(reference))
        return checkout

    def log(self, name):
        return self.folder / "home" / f"{name}.log"

    def results(self):
        """Return the content of every file of results."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for pattern in RESULTS
            for path in sorted(self.folder.glob(pattern))
            if ".part" not in path.suffixes  # what an interrupted predict-custom has read
        }

    def forget(self, kind):
        """Remove what a command of this kind makes, so that it makes it again."""
        for name in [*OUTPUTS[kind], ".dvc/cache", ".checkpoints"]:
            path = self.folder / name
            shutil.rmtree(path, ignore_errors=True)
            with suppress(OSError):
                path.unlink()
        if kind == "sync":
            self.leave_a_journal()
        if kind == "register":
            # In another process: MLflow keeps a database open that `set_aside` may have replaced.
            self.do("python", "-c", DELETE_MODEL)

    def keep(self):
        """Keep a copy of the folder to go back to."""
        self.wait_until_settled()
        shutil.rmtree(self._kept, ignore_errors=True)
        shutil.copytree(self.folder, self._kept, symlinks=True)

    def set_aside(self, place):
        """Move the folder away for whoever looks what went wrong, and go back to the copy."""
        for each in self.processes():
            with suppress(psutil.NoSuchProcess):
                each.kill()
        shutil.rmtree(place, ignore_errors=True)
        self.folder.rename(place)
        shutil.copytree(self._kept, self.folder, symlinks=True)

    @property
    def _kept(self):
        return self.folder.with_name(f"{self.folder.name}.kept")

    def processes(self):
        """Return the running processes that were started here, the recorder's among them."""
        return [each for each in psutil.process_iter() if self._is_ours(each)]

    def _is_ours(self, process):
        with suppress(psutil.Error, OSError):
            ours = process.environ().get("HOME") == self.env["HOME"]
            return ours and process.status() != psutil.STATUS_ZOMBIE
        return False

    def orphans(self):
        found = []
        for each in self.processes():
            with suppress(psutil.Error):
                words = " ".join(each.cmdline())
                if RECORDER not in words:
                    found.append(words)
        return found

    def wait_until_settled(self):
        until = time.monotonic() + SETTLES
        while self._unsettled() and time.monotonic() < until:
            time.sleep(0.5)

    def _unsettled(self):
        """Return what is still going on, or waits to be recorded."""
        found = [f"still running: {each}" for each in self.orphans()]
        found += [f"MLflow: {each} is RUNNING" for each in self.running()]
        return found + [f"in the journal: {each.name}" for each in self.journals()]

    def journals(self):
        """Return the journals that wait for MLflow, and those that never get there."""
        folder = self.folder / ".journal"
        return [each for kind in ("jsonl", "damaged") for each in folder.glob(f"*/*.{kind}")]

    def leave_a_journal(self):
        """Leave records that wait for MLflow: kill a stage, and the recorder with it."""
        with subprocess.Popen(
            ["python", "-m", "pipeline.stages.predict_custom"],
            cwd=self.folder, env=self.env, stderr=subprocess.DEVNULL, start_new_session=True,
        ) as process:  # fmt: skip
            wait_for(self.journals, seconds=SETTLES, every=0.1)
            time.sleep(1)
            self.kill(process)

    def kill(self, process):
        """Kill a command, and all else that was started here."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for each in self.processes():
            with suppress(psutil.NoSuchProcess):
                each.kill()

    def run_id(self):
        """Return MLflow's id of the network's run, also where ours is written."""
        written = super().run_id()
        known = self.query("select run_uuid from tags where key = 'run_key' and value = ?", written)
        return known[0][0] if known else written

    def problems(self, kind):
        """Return what is wrong after a command of this kind has ended."""
        self.wait_until_settled()
        found = self._unsettled() + self._locks() + self._differences() + self._run_problems()
        if kind == "sweep":
            found += self._sweep_problems()
        if kind == "search":
            found += self._search_problems()
        if kind == "register":
            found += self._registry_problems()
        return found

    def _differences(self):
        before = pickle.loads((self.folder / "reference.pickle").read_bytes())
        now = self.results()
        return [
            f"{name}: {'missing' if name not in now else 'differs'}"
            for name in sorted(before.keys() | now.keys())
            if before.get(name) != now.get(name)
        ]

    def _locks(self):
        file = self.folder / ".dvc" / "tmp" / "rwlock"
        with suppress(FileNotFoundError):
            held = json.loads(file.read_text())
            pids = {entry["pid"] for entry in held.get("write", {}).values()}
            if pids:
                return [f"DVC's lock is held by {pids}"]
        yaml.safe_load((self.folder / "dvc.lock").read_text())
        return []

    def query(self, query, *values):
        with closing(sqlite3.connect(self.folder / "mlflow.db", timeout=60)) as database:
            return database.execute(query, values).fetchall()

    def running(self):
        return [
            f"{name} {run_id}"
            for run_id, name in self.query(
                "select run_uuid, name from runs where status = 'RUNNING'"
            )
        ]

    def _run_problems(self):
        """Return what is wrong with the MLflow run of the network that lies here."""
        try:
            run_id = self.run_id()
        except FileNotFoundError:
            return ["there is no run id"]
        status = self.query("select status from runs where run_uuid = ?", run_id)
        found = [] if status == [("FINISHED",)] else [f"MLflow: run {run_id} is {status}"]
        steps = self.query(
            "select step, value from metrics where run_uuid = ? and key = 'val_loss'", run_id
        )
        counts = Counter(step for step, _ in steps)
        if counts != Counter(range(1, EPOCHS + 1)):
            found.append(f"MLflow: run {run_id} has val_loss at {sorted(counts.elements())}")
        written = Project.run_id(self)
        evaluated = (self.folder / "reports/evaluate/run_id.txt").read_text().strip() == written
        for metric in ("val_accuracy_chosen", *["test_accuracy"] * evaluated):
            if not self.query(
                "select 1 from latest_metrics where run_uuid = ? and key = ?", run_id, metric
            ):
                found.append(f"MLflow: run {run_id} lacks {metric}")
        return found

    def _sweep_problems(self):
        outcomes = [
            _without_times(json.loads(file.read_text()))
            for file in sorted((self.folder / ".sweeps" / "trials").glob("*.json"))
        ]
        reference = self.folder / "sweep.json"
        if not reference.is_file():
            reference.write_text(json.dumps(outcomes))
        found = [] if json.loads(reference.read_text()) == outcomes else ["trials differ"]
        return found + self._children_problems("sweep", len(outcomes))

    def _search_problems(self):
        with closing(sqlite3.connect(self.folder / ".sweeps" / "search.db")) as database:
            ended = database.execute(
                "select count(*) from trials where state in ('COMPLETE', 'PRUNED', 'FAIL')"
            ).fetchone()[0]
        return [] if ended == 2 else [f"the study has {ended} trials"]

    def _children_problems(self, stage, wanted):
        """Return what is wrong with the runs below the newest run of a sweep."""
        ((parent, status),) = self.query(
            "select runs.run_uuid, status from runs join tags using (run_uuid) "
            "where key = 'stage' and value = ? order by start_time desc limit 1",
            stage,
        )
        children = self.query(
            "select run_uuid from runs join tags using (run_uuid) "
            "where key = 'mlflow.parentRunId' and value = ? and status = 'FINISHED'",
            parent,
        )
        found = [] if status == "FINISHED" else [f"the run of the {stage} is {status}"]
        if len(children) != wanted:
            found.append(f"{len(children)} children of the {stage} have finished")
        return found

    def _registry_problems(self):
        versions = self.query(
            "select version, run_id, description from model_versions "
            "where name = 'digits' and current_stage != 'Deleted_Internal'"
        )
        aliases = dict(self.query("select alias, version from registered_model_aliases"))
        served = self.query(
            "select model_id, status from logged_models "
            "where name = 'reader' and lifecycle_stage = 'active' and source_run_id = ?",
            versions[0][1] if versions else "",
        )
        found = [] if len(versions) == 1 else [f"versions: {versions}"]
        if versions and aliases.get("champion") != versions[0][0]:
            found.append(f"aliases: {aliases}")
        if versions and not versions[0][2]:
            found.append("the version has no page")
        if len(served) != 1:
            found.append(f"served models: {served}")
        return found


def _without_times(outcome):
    if isinstance(outcome, dict):
        return {key: _without_times(value) for key, value in outcome.items() if key not in TIMES}
    return [_without_times(each) for each in outcome] if isinstance(outcome, list) else outcome
