"""Writing to one MLflow run through its client: what the recorder process does."""

import json
import logging
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipeline.config.schema import Tracking
from pipeline.config.trees import Tree, bare_name, flatten
from pipeline.tracking import page
from pipeline.tracking.addresses import data_experiment
from pipeline.tracking.names import DATA_DIGEST_TAG, DATA_RUN_TAG
from pipeline.tracking.recording import keras_flavor
from pipeline.tracking.recording.openings import Opening
from pipeline.tracking.store import find_run, log_model

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

log = logging.getLogger(__name__)

MONITORED_EVERY = 3.0
"""Seconds between two looks at processor and memory."""
MODEL_NAME = "model"
MODEL_REQUIREMENTS = ("tensorflow", "keras", "numpy")


class Recording:
    """One MLflow run that is written to, until it is finished or its writer is gone."""

    def __init__(self, client: "MlflowClient", settings: Tracking, opening: Opening) -> None:
        """Find or make the run."""
        self._client = client
        self._settings = settings
        self._ends_with_its_writer = opening.ends_with_its_writer
        self._monitor: SystemMetricsMonitor | None = None
        self.run_id = opening.find(client)

    def params(self, params: Tree) -> None:
        """Record a configuration as flat parameters; functions go by their bare names.

        What is not set (None) is left out.
        """
        from mlflow.entities import Param

        from_target = {
            key.removesuffix("._target_"): bare_name(value) if key.endswith("._target_") else value
            for key, value in flatten(params).items()
        }
        known = self._client.get_run(self.run_id).data.params
        self._client.log_batch(
            self.run_id,
            params=[
                Param(key, str(value))
                for key, value in from_target.items()
                if value is not None and key not in known
            ],
        )

    def metrics(self, metrics: Mapping[str, float], step: int, at: float) -> None:
        """Record numbers, all in one batch; `at` is when they were found, in seconds."""
        from mlflow.entities import Metric

        batch = [Metric(key, float(value), int(at * 1000), step) for key, value in metrics.items()]
        self._client.log_batch(self.run_id, metrics=batch)

    def tags(self, tags: Mapping[str, str]) -> None:
        """Set tags on the run."""
        from mlflow.entities import RunTag

        self._client.log_batch(self.run_id, tags=[RunTag(key, tags[key]) for key in tags])

    def file(self, path: Path, folder: str) -> None:
        """Record a file as an artifact in a folder of the run."""
        self._client.log_artifact(self.run_id, str(path), folder)

    def content(self, name: str, content: bytes, folder: str) -> None:
        """Record a file, given by name and content, as an artifact in a folder of the run."""
        with TemporaryDirectory() as place:
            path = Path(place) / name
            path.write_bytes(content)
            self.file(path, folder)

    def text(self, text: str, name: str) -> None:
        """Record a text as an artifact, by its path within the run."""
        self._client.log_text(self.run_id, text, name)

    def table(self, columns: Mapping[str, list[Any]], name: str) -> None:
        """Record a table that MLflow's pages show and compare, by its path within the run."""
        self._client.log_table(self.run_id, dict(columns), name)

    def dataset(self, name: str, digest: str, source: str, pictures: Mapping[str, int]) -> None:
        """Record the data as the run's input and, by its digest, the run that prepared it."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        data = Dataset(
            name=name,
            digest=digest[:32],
            source_type="local",
            source=json.dumps({"uri": source}),
            profile=json.dumps(dict(pictures)),
        )
        context = [InputTag("mlflow.data.context", "training")]
        self._client.log_inputs(self.run_id, [DatasetInput(data, context)])
        tags = {DATA_DIGEST_TAG: digest}
        experiment = data_experiment(self._settings)
        prepared_by = find_run(self._client, experiment, f"tags.{DATA_DIGEST_TAG} = '{digest}'")
        self.tags(tags | ({DATA_RUN_TAG: prepared_by} if prepared_by else {}))

    def keras_model(
        self, path: Path, input_shape: tuple[int, ...], output_shape: tuple[int, ...]
    ) -> None:
        """Record a saved Keras model with the signature of its input and output.

        Args:
            path: A .keras file.
            input_shape: Height and width of a picture in pixels.
            output_shape: The number of classes.
        """
        import numpy as np
        from mlflow.models import ModelSignature
        from mlflow.types import Schema, TensorSpec

        pixels = TensorSpec(np.dtype(np.uint8), (-1, *input_shape))
        probabilities = TensorSpec(np.dtype(np.float32), (-1, *output_shape))
        log_model(
            self._client,
            self.run_id,
            MODEL_NAME,
            flavor=keras_flavor,
            keras_file=path,
            signature=ModelSignature(Schema([pixels]), Schema([probabilities])),
            requirements=[f"{name}=={version(name)}" for name in MODEL_REQUIREMENTS],
        )

    def monitor(self) -> None:
        """Record, until the run is finished, how busy the machine is and how full its memory."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        self._monitor = SystemMetricsMonitor(
            self.run_id,
            sampling_interval=MONITORED_EVERY,
            resume_logging=True,
            tracking_uri=self._client.tracking_uri,
        )
        self._monitor.start()

    def finish(self, status: str | None, at: float) -> None:
        """Return the run its final status, reached at a time in seconds, or leave it as it is."""
        if self._monitor:
            self._monitor.finish()
        if status:
            self._client.set_terminated(self.run_id, status, int(at * 1000))
        try:
            page.describe(self._client, self.run_id)
        except Exception as error:  # the run itself is complete
            log.warning("MLflow: the page of the run could not be written (%s)", error)

    def abandon(self) -> None:
        """End the run of a writer that went without a word."""
        self.finish("KILLED" if self._ends_with_its_writer else None, time.time())
