"""The launchers of `digits sweep`.

A sweep must know all its trials before it starts, to leave out those that have been run. So these
launchers run nothing themselves: they pass the sweep all configurations and the means to run them.
Hydra finds launchers only in this package and imports it at every start, so imports here must be
light.

hydra-joblib-launcher (1.2.0, 2022) is not used: it returns results only when the last trial has
ended, and none if a worker dies; and each of its workers would import TensorFlow.
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
    from pipeline.experiments.trial import Executor


class OneByOne(Launcher):
    """Runs one trial at a time."""

    workers: int | None = 1

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what Hydra passes before it launches."""
        self.context = hydra_context
        self.task: Any = task_function
        self.config = config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Call the task once, with all configurations, an executor factory and the workers."""
        setup_globals()
        configure_log(self.config.hydra.job_logging, self.config.hydra.verbose)
        configs = [self._compose(list(overrides)) for overrides in job_overrides]
        self.task(configs, self.open_executor, self.workers)
        done = JobReturn(status=JobStatus.COMPLETED)
        return [done for _ in configs]

    def open_executor(self) -> "AbstractContextManager[Executor]":
        """Start the process from which trials are forked."""
        from pipeline.experiments.forks import forks

        return forks(self.workers or 1)

    def _compose(self, overrides: list[str]) -> DictConfig:
        config = self.context.config_loader.load_sweep_config(self.config, overrides)
        with open_dict(config):
            del config["hydra"]
        return config


class Joblib(OneByOne):
    """Runs several trials at a time."""

    def __init__(self, n_jobs: int = -1) -> None:
        """Set the number of trials at a time; -1 means one per core, as in joblib."""
        if n_jobs == 0 or n_jobs < -1:
            raise HydraException(
                f"hydra.launcher.n_jobs={n_jobs}: must be -1 (one per core) or at least 1"
            )
        self.workers = n_jobs if n_jobs > 0 else cores()


class Ray(OneByOne):
    """Runs as many trials at a time as a Ray cluster has room for."""

    workers = None

    def __init__(self, address: str | None = None) -> None:
        """Set the cluster's address; None starts one on this machine, for this sweep alone."""
        self.address = address

    def open_executor(self) -> "AbstractContextManager[Executor]":
        """Connect to the cluster."""
        from pipeline.experiments.cluster import cluster

        return cluster(self.address)
