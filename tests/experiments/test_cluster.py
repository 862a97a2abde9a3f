"""Sweeps on a Ray cluster: without Ray's processes first, then on two nodes, one of them killed."""

import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
from support.projects import SMALL, Project, wait_for

from pipeline.digits.training.state import Epoch
from pipeline.experiments import cluster
from pipeline.experiments.trial import Outcome, Trial
from pipeline.system.errors import InputError

ray = pytest.importorskip("ray", reason="the extra ray is not installed")

EPOCHS = [Epoch(number, 1, 0.5, 1, 0.5, 0.1, 1.0) for number in (1, 2, 3)]
DIES = ray.exceptions.NodeDiedError("gone")
FINISHED = Outcome("finished", metrics={"val_accuracy": 1.0})


class FakeRay:
    """Takes Ray's place: what is sent answers with the messages kept for it, one list a try."""

    def __init__(self, nodes=(2,)):
        self.cores = nodes
        self.answers = {}
        self.requested_cpus = []
        self.cancelled = []

    def remote(self, **_):
        return lambda _: self

    def options(self, num_cpus):
        self.requested_cpus.append(num_cpus)
        return type("Task", (), {"remote": lambda _, trial, data: self._stream(trial)})()

    def _stream(self, trial):
        return iter(self.answers[trial.key].pop(0))

    def put(self, value):
        return value

    def get(self, message):
        if isinstance(message, Exception):
            raise message
        return message

    def wait(self, streams, timeout):
        return streams[:1], streams[1:]

    def nodes(self):
        return [{"Alive": True, "Resources": {"CPU": float(count)}} for count in self.cores]

    def cancel(self, stream):
        self.cancelled.append(stream)


@pytest.fixture
def fake(monkeypatch):
    fake = FakeRay()
    for name in ("remote", "put", "get", "wait", "nodes", "cancel"):
        monkeypatch.setattr(ray, name, getattr(fake, name))
    return fake


@pytest.fixture
def trial(tmp_path):
    def make(key, threads=1):
        return Trial(key, key, {"train": {"threads": threads}}, tmp_path, None)

    return make


def run(trials, on_epoch=lambda *_: True):
    return {trial.key: outcome for trial, outcome in cluster.run_on_cluster(trials, on_epoch)}


def test_a_trial_whose_node_dies_is_run_again_and_its_epochs_are_told_once(fake, trial):
    fake.answers = {"a": [[*EPOCHS[:2], DIES], [*EPOCHS, FINISHED]], "b": [[FINISHED]]}
    reported = []
    done = run([trial("a"), trial("b")], lambda trial, epoch: reported.append(epoch) or True)
    assert done == {"a": FINISHED, "b": FINISHED}
    assert reported == EPOCHS


def test_a_trial_that_always_dies_fails_in_the_end(fake, trial):
    fake.answers = {"a": [[DIES]] * cluster.TRIES}
    done = run([trial("a")])
    assert done["a"].status == "failed"
    assert "died" in done["a"].error
    assert fake.answers["a"] == []


def test_an_error_of_its_own_is_not_tried_again(fake, trial):
    wrong = Outcome("failed", error="ValueError: too high")
    broken = ray.exceptions.RayTaskError("_run", "a\nlong\ntrace", ImportError("no\ntensorflow"))
    fake.answers = {"a": [[wrong]], "b": [[broken]], "c": [[FINISHED]]}
    done = run([trial(key) for key in "abc"])
    assert done["a"] == wrong
    assert done["b"].error == "ImportError: no tensorflow"
    assert done["c"] == FINISHED


def test_a_trial_that_is_stopped_is_cancelled(fake, trial):
    fake.answers = {"a": [[*EPOCHS, FINISHED]]}
    done = run([trial("a")], lambda trial, epoch: epoch.epoch < 2)
    assert done["a"].status == "stopped"
    assert len(done["a"].history) == 2
    assert len(fake.cancelled) == 1


def test_a_trial_gets_its_threads_or_is_told_that_no_node_has_them(fake, trial):
    fake.answers = {"a": [[FINISHED]]}
    done = run([trial("a", threads=2), trial("b", threads=3)])
    assert fake.requested_cpus == [2]
    assert done["a"] == FINISHED
    assert done["b"].error == "train.threads=3: no node has more than 2 cores"


def test_data_that_is_not_at_hand_is_taken_from_the_cluster_once(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "node"))
    elsewhere = tmp_path / "elsewhere" / "0123"
    taken = cluster._local_copy(elsewhere, [{"train.npz": b"pictures", "dataset.json": b"{}"}])
    assert (taken / "train.npz").read_bytes() == b"pictures"
    assert cluster._local_copy(elsewhere, [DIES]) == taken
    assert list(taken.parent.iterdir()) == [taken]


def test_data_that_is_at_hand_is_used_where_it_is(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "node"))
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "dataset.json").touch()
    assert cluster._local_copy(shared, [DIES]) == shared


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:6379", "head", "head:port"])
def test_an_address_without_a_cluster_is_told_in_a_line(address):
    with pytest.raises(InputError, match=f"address={address}: no Ray cluster") as caught:
        cluster.cluster(address).__enter__()
    assert "\n" not in str(caught.value)


class Nodes:
    """A cluster of two nodes on this machine, each of one core, started as the README says."""

    def __init__(self, folder, env):
        self._folder = folder
        self._env = env
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        own = [f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}"]
        self.head = self._start("--head", *own)
        self.second = self._start(f"--address={self.address}")

    def _start(self, *arguments):
        logged = self._folder / f"{len(arguments)}.log"
        command = ["ray", "start", *arguments, "--num-cpus=1", "--block"]
        with logged.open("w") as log:
            node = subprocess.Popen(command, env=self._env, stdout=log, stderr=log)
        wait_for(lambda: "Ray runtime started" in logged.read_text() or node.poll(), seconds=120)
        assert node.poll() is None, logged.read_text()
        return node

    def kill(self, node):
        """End a node as a power cut does."""
        with suppress(psutil.NoSuchProcess):
            processes = psutil.Process(node.pid)
            for process in [processes, *processes.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        node.wait()


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    project.env |= {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": "0" * 64,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",  # 15 otherwise: slow beside other tests
    }
    return project


@pytest.fixture
def nodes(project):
    with TemporaryDirectory(prefix="ray") as name:  # sockets have short names
        nodes = Nodes(Path(name), project.env)
        yield nodes
        nodes.kill(nodes.second)
        nodes.kill(nodes.head)


@pytest.mark.long
@pytest.mark.end_to_end
def test_no_trial_is_lost_with_a_node(project, nodes):
    project.wake_mlflow()
    networks = project.folder / "pipeline" / "digits" / "training" / "networks.py"
    shutil.copy(networks, networks.with_name("only_here.py"))  # so that the code must be sent
    command = [
        "python", "-m", "pipeline.sweep", "hydra/launcher=ray",
        f"hydra.launcher.address={nodes.address}", *SMALL[:-1], "train.epochs=80", "seed=1,2",
        "model._target_=pipeline.digits.training.only_here.mlp",
    ]  # fmt: skip
    logged = project.folder / "home" / "sweep.log"
    logged.parent.mkdir(exist_ok=True)
    with logged.open("w") as log:
        sweep = subprocess.Popen(command, cwd=project.folder, env=project.env, stderr=log)
        try:
            wait_for(lambda: project.runs_with("val_loss") == 2 or sweep.poll(), seconds=240)
            nodes.kill(nodes.second)
            assert sweep.wait(timeout=240) == 0, logged.read_text()
        finally:
            sweep.kill()
    assert "its node or worker died; running it again" in logged.read_text()
    (parent,) = project.runs("attributes.run_name = '2 seeds'")
    children = project.runs(f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert {run.info.status for run in (parent, *children)} == {"FINISHED"}
    assert sorted(run.data.params["seed"] for run in children) == ["1", "2"]
    for run in children:
        assert "test_accuracy" in run.data.metrics
        curve = project.mlflow().get_metric_history(run.info.run_id, "epoch_seconds")
        assert sorted(point.step for point in curve) == list(range(1, 81))
