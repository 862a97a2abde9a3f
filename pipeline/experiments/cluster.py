"""Run trials as tasks of a Ray cluster, each on a node that has room for it.

A Ray worker imports TensorFlow once and forks a process for every trial, like a sweep on one
machine. So each trial has its own number of threads and leaves nothing behind. The code is sent to
every node, and the prepared data to nodes that lack it. Epochs and outcomes come back to the
command, and only the command records them.
"""

import logging
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from pipeline.config.places import ROOT
from pipeline.digits.training.state import Epoch
from pipeline.experiments.forks import run_in_fork
from pipeline.experiments.forkserver import start_forkserver
from pipeline.experiments.trial import (
    EpochCallback,
    Executor,
    Outcome,
    Trial,
    is_prepared,
    sweeps_dir,
)
from pipeline.system.environment import turn_off_telemetry
from pipeline.system.errors import InputError, type_and_message
from pipeline.system.machine import cores

if TYPE_CHECKING:
    from ray import ObjectRef, ObjectRefGenerator

# How many times a trial is started if its node or worker keeps dying.
TRIES = 4

ANSWER_SECONDS = 5
# How often to look for new nodes while no trial reports.
LOOK_SECONDS = 10

log = logging.getLogger(__name__)


@contextmanager
def cluster(address: str | None) -> Iterator[Executor]:
    """Connect to a Ray cluster, or start one on this machine, and yield an executor for it.

    Args:
        address: HOST:PORT or "auto"; None for $RAY_ADDRESS, or else for a cluster on this machine
            that stops when the block ends.

    Raises:
        InputError: Ray is not installed, or no cluster answers there.
    """
    target = address or os.environ.get("RAY_ADDRESS") or "local"
    turn_off_telemetry()
    if target not in ("auto", "local"):
        _expect_answer(target)
        # If something other than a cluster answers, Ray would retry for a quarter of an hour.
        os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "1")
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "hydra/launcher=ray: Ray is not installed; run `pip install -e '.[ray]'` in the "
            "project's folder"
        ) from error
    _connect(target)
    try:
        yield run_on_cluster
    finally:
        ray.shutdown()  # also stops the trials that this command still runs


def run_on_cluster(
    trials: Iterable[Trial], on_epoch: EpochCallback
) -> Iterator[tuple[Trial, Outcome]]:
    """Run as many trials at a time as the cores allow; yield each outcome as it arrives.

    A trial whose node or worker dies is run again, on another node if need be. A trial that ends in
    an error is not.

    Args:
        trials: The trials to run; the next one is taken when cores are free.
        on_epoch: Called once for every epoch of every trial; returns False to stop the trial.
    """
    import ray

    fresh = (_Task(trial) for trial in trials)
    died: list[_Task] = []
    running: dict[ObjectRefGenerator, _Task] = {}
    send = _Sender()
    while True:
        nodes = _cores_of_nodes()
        # Submit one trial more than there are cores for: it starts as soon as cores are free, and
        # it makes an autoscaling cluster grow.
        while sum(task.cores for task in running.values()) <= sum(nodes):
            task = died.pop() if died else next(fresh, None)
            if task is None:
                break
            if nodes and task.cores > max(nodes):
                error = f"train.threads={task.cores}: no node has more than {max(nodes)} cores"
                yield task.trial, Outcome("failed", error=error)
            else:
                running[send(task)] = task
        if not running:
            return
        for stream in ray.wait(list(running), timeout=LOOK_SECONDS)[0]:
            task = running[stream]
            message = _receive(stream)
            if isinstance(message, Epoch):
                if task.continues_after(message, on_epoch):
                    continue
                ray.cancel(stream)
                message = task.stopped()
            del running[stream]
            if message is None and task.may_run_again():
                died.append(task)
            else:
                yield task.trial, message or task.lost()


@dataclass
class _Task:
    """A trial on the cluster and the epochs it has reported."""

    trial: Trial
    epochs: list[Epoch] = field(default_factory=list)
    tries: int = 1

    @property
    def cores(self) -> int:
        threads: int = self.trial.config["train"]["threads"]
        return threads

    def continues_after(self, epoch: Epoch, on_epoch: EpochCallback) -> bool:
        """Return whether the trial continues; call `on_epoch` only for epochs not seen before."""
        if epoch.epoch <= len(self.epochs):
            return True
        self.epochs.append(epoch)
        return on_epoch(self.trial, epoch)

    def may_run_again(self) -> bool:
        """Count a failed try; return whether to run the trial again."""
        if self.tries == TRIES:
            return False
        self.tries += 1
        log.warning("%s: its node or worker died; running it again", self.trial.name)
        return True

    def stopped(self) -> Outcome:
        """Return the outcome of a trial that was stopped."""
        return Outcome(
            "stopped",
            history=[asdict(epoch) for epoch in self.epochs],
            training_seconds=sum(epoch.seconds for epoch in self.epochs),
        )

    def lost(self) -> Outcome:
        """Return the outcome of a trial whose last try failed, too."""
        error = f"its node or worker died {TRIES} times in a row (out of memory?)"
        return Outcome("failed", error=error)


class _Sender:
    """Sends trials to the cluster, and each folder of data once."""

    def __init__(self) -> None:
        import ray

        # `run_on_cluster` resubmits trials that die. If Ray retried them, it would restart the
        # stream of messages from the beginning.
        self._run = ray.remote(num_returns="streaming", max_retries=0)(_run)
        self._data: dict[Path, ObjectRef[Any]] = {}

    def __call__(self, task: _Task) -> "ObjectRefGenerator":
        import ray

        folder = task.trial.data
        if folder not in self._data:
            files = {file.name: file.read_bytes() for file in folder.iterdir()}
            self._data[folder] = ray.put(files)
        # In a list: Ray would fetch a bare reference to every node.
        stream: ObjectRefGenerator = self._run.options(num_cpus=task.cores).remote(
            task.trial, [self._data[folder]]
        )
        return stream


def _run(trial: Trial, data: "list[ObjectRef[Any]]") -> Iterator[Epoch | Outcome]:
    """Run a trial on a node of the cluster."""
    # Forks import from the working directory first, which may hold another version of the code.
    os.chdir(ROOT)
    start_forkserver()
    yield from run_in_fork(replace(trial, data=_local_copy(trial.data, data)))


def _local_copy(folder: Path, data: "list[ObjectRef[Any]]") -> Path:
    """Return a folder on this node with the contents of the command's folder."""
    import ray

    if is_prepared(folder):  # a shared file system, or the same machine
        return folder
    copy = sweeps_dir() / "data" / folder.name
    if not is_prepared(copy):
        copy.parent.mkdir(parents=True, exist_ok=True)
        written = Path(mkdtemp(dir=copy.parent))
        for name, content in ray.get(data[0]).items():
            (written / name).write_bytes(content)
        try:
            written.rename(copy)
        except OSError:  # another worker of this node was first
            shutil.rmtree(written)
    return copy


def _receive(stream: "ObjectRefGenerator") -> Epoch | Outcome | None:
    """Receive a trial's next message; None if its node or worker has died."""
    import ray
    from ray import exceptions

    try:
        message: Epoch | Outcome = ray.get(next(stream))
        return message
    except (
        exceptions.LocalRayletDiedError,
        exceptions.NodeDiedError,
        exceptions.OutOfMemoryError,
        exceptions.WorkerCrashedError,
    ):
        return None
    except exceptions.RayError as error:
        return Outcome("failed", error=type_and_message(getattr(error, "cause", error), 300))


def _cores_of_nodes() -> list[int]:
    """Return the number of cores of every live node that has any."""
    import ray

    counts = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    return [count for count in counts if count]


def _connect(address: str) -> None:
    import ray
    from ray.exceptions import RayError

    local: dict[str, Any] = {"num_cpus": cores(), "include_dashboard": False}
    try:
        ray.init(
            address,
            runtime_env={"py_modules": [str(ROOT / "pipeline")], "excludes": ["__pycache__"]},
            log_to_driver=False,
            logging_level=logging.ERROR,
            **(local if address == "local" else {}),
        )
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:
        raise _no_cluster(address, error) from error


def _expect_answer(address: str) -> None:
    """Check that something listens at an address; Ray itself would wait much longer.

    Raises:
        InputError: Nothing listens there.
    """
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except (OSError, ValueError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: Exception) -> InputError:
    return InputError(
        f"hydra.launcher.address={address}: no Ray cluster answers there "
        f"({type_and_message(error, 300)}); give the HOST:PORT that `ray start --head` printed, "
        "and set RAY_AUTH_MODE as it was set there"
    )
