"""An MLflow run that is open for writing, in the recorder process."""

import logging
import time
from typing import TYPE_CHECKING

from pipeline.config.schema import Tracking
from pipeline.tracking import page
from pipeline.tracking.errors import reason
from pipeline.tracking.recording.openings import Opening

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

log = logging.getLogger(__name__)

SAMPLING_INTERVAL = 3.0
"""Seconds between two samples of processor and memory use."""


class RunWriter:
    """An MLflow run that records are written to, until it is finished or its stage is gone.

    Attributes:
        client: Client of the store that holds the run.
        settings: Where runs of this project are recorded.
        id: The run's id.
        is_finished: Whether it has been finished.
    """

    def __init__(self, client: "MlflowClient", settings: Tracking, opening: Opening) -> None:
        """Find or create the run."""
        self.client = client
        self.settings = settings
        self.id = opening.find(client)
        self.is_finished = False
        self._ends_with_its_stage = opening.ends_with_its_stage
        self._monitor: SystemMetricsMonitor | None = None

    def start_monitor(self) -> None:
        """Record processor and memory use until the run is finished."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        self._monitor = SystemMetricsMonitor(
            self.id,
            sampling_interval=SAMPLING_INTERVAL,
            resume_logging=True,
            tracking_uri=self.client.tracking_uri,
        )
        self._monitor.start()

    def finish(self, status: str | None, at: float) -> None:
        """End the run.

        Args:
            status: MLflow's word for how it ended; None leaves the run's status unchanged.
            at: When it ended, in seconds since 1970.
        """
        if self._monitor:
            self._monitor.finish()
        if status:
            self.client.set_terminated(self.id, status, int(at * 1000))
        self.is_finished = True
        try:
            page.describe(self.client, self.id)
        except Exception as error:  # the run itself is complete
            log.warning("MLflow could not write the run's page (%s)", reason(error, 300))

    def abandon(self) -> None:
        """End a run whose stage disconnected without finishing it, as a killed stage does."""
        if not self.is_finished:
            self.finish("KILLED" if self._ends_with_its_stage else None, time.time())
