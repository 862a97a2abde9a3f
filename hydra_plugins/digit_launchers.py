"""The launchers of `python -m pipeline.sweep`: they compose all trials and hand them over at once.

A sweep has to know its trials before it starts: those that were run before are left out. Of the
launcher there is left to say what runs them. Hydra takes launchers from this package only, and
imports it whenever it starts, so nothing heavy is imported here.

hydra-joblib-launcher (1.2.0, 2022) would give outcomes only when the last trial has ended, and none
if a worker dies; and each of joblib's workers would import TensorFlow for itself.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from pipeline.system.machine import cores

if TYPE_CHECKING:
    from pipeline.experiments.trial import Runner


class OneByOne(Launcher):
    """One trial after the other."""

    workers: int | None = 1

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what Hydra gives before it launches."""
        self.context = hydra_context
        self.task: Any = task_function
        self.config = config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Call the task once: with the configurations of all trials, and what is to run them."""
        setup_globals()
        configure_log(self.config.hydra.job_logging, self.config.hydra.verbose)
        configs = [self._compose(list(overrides)) for overrides in job_overrides]
        self.task(configs, self.open_runner, self.workers)
        done = JobReturn(status=JobStatus.COMPLETED)
        return [done for _ in configs]

    def open_runner(self) -> "AbstractContextManager[Runner]":
        """Make ready what runs trials."""
        from pipeline.experiments.forks import forks

        return forks(self.workers or 1)

    def _compose(self, overrides: list[str]) -> DictConfig:
        config = self.context.config_loader.load_sweep_config(self.config, overrides)
        with open_dict(config):
            del config["hydra"]
        return config


class Joblib(OneByOne):
    """Several trials at a time."""

    def __init__(self, n_jobs: int = -1) -> None:
        """Take how many; -1 is one a core, as joblib has it."""
        if n_jobs == 0 or n_jobs < -1:
            raise HydraException(f"hydra.launcher.n_jobs={n_jobs}: -1 (one a core), or 1 and more")
        self.workers = n_jobs if n_jobs > 0 else cores()


class Ray(OneByOne):
    """On a Ray cluster, as many at a time as it has room for."""

    workers = None

    def __init__(self, address: str | None = None) -> None:
        """Take the cluster's address; None is one of this machine, for this sweep alone."""
        self.address = address

    def open_runner(self) -> "AbstractContextManager[Runner]":
        """Connect to the cluster."""
        from pipeline.experiments.cluster import cluster

        return cluster(self.address)
