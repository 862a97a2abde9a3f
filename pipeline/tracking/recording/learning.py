"""The kinds of records that concern data, networks and what these read, one class for each."""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from pipeline.tracking.lookups import newest_run_id
from pipeline.tracking.models import log_saved_model, trained_model
from pipeline.tracking.names import DATA_DIGEST_TAG, DATA_RUN_TAG, data_experiment
from pipeline.tracking.recording import keras_flavor
from pipeline.tracking.recording.records import Record, Run, Tags, copy_to
from pipeline.tracking.recording.sheet import contact_sheet

DIGEST_LENGTH = 32  # characters of a data set's digest that every MLflow store accepts


@dataclass(frozen=True)
class DatasetInput(Record):
    """The prepared data that a run learned from.

    Attributes:
        name: The data set, such as "mnist".
        digest: SHA-256 of the prepared data, in hexadecimal.
        source: Where the data is stored.
        pictures: How many pictures each part has, by the part's name.
    """

    label = "dataset"
    name: str
    digest: str
    source: str
    pictures: Mapping[str, int]

    def write(self, run: Run) -> None:
        """Write the data as the run's input, and link the run that prepared it, found by digest."""
        _log_input(run, self, "training")
        prepared_by = newest_run_id(
            run.client,
            data_experiment(run.settings),
            f"tags.{DATA_DIGEST_TAG} = '{self.digest}'",
        )
        link = {DATA_RUN_TAG: prepared_by} if prepared_by else {}
        Tags({DATA_DIGEST_TAG: self.digest, **link}).write(run)


@dataclass(frozen=True)
class EvaluationMetrics(Record):
    """Numbers measured on a test set: of the run and of its network, linked to the pictures.

    Attributes:
        values: The numbers by name.
        name: The test set, such as "mnist-test".
        digest: SHA-256 of its pictures, in hexadecimal.
        source: Where it is stored.
        pictures: How many pictures it has, by the part's name.
        at: When they were measured, in seconds since 1970.
    """

    label = "test figures"
    values: Mapping[str, float]
    name: str
    digest: str
    source: str
    pictures: Mapping[str, int]
    at: float = field(default_factory=time.time)

    def write(self, run: Run) -> None:
        """Write the test set as an input of the run, and the numbers in one batch."""
        from mlflow.entities import Metric

        _log_input(run, self, "evaluation")
        data = {"dataset_name": self.name, "dataset_digest": self.digest[:DIGEST_LENGTH]}
        model = trained_model(run.client, run.client.get_run(run.id))
        batch = [
            Metric(key, float(value), int(self.at * 1000), 0, model_id=model, **data)
            for key, value in self.values.items()
        ]
        run.client.log_batch(run.id, metrics=batch)


def _log_input(run: Run, data: DatasetInput | EvaluationMetrics, context: str) -> None:
    """Write a data set as the run's input: for "training" or for "evaluation"."""
    from mlflow.entities import Dataset, InputTag
    from mlflow.entities import DatasetInput as MlflowInput

    described = Dataset(
        name=data.name,
        digest=data.digest[:DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": data.source}),
        profile=json.dumps(dict(data.pictures)),
    )
    tags = [InputTag("mlflow.data.context", context)]
    run.client.log_inputs(run.id, [MlflowInput(described, tags)])


@dataclass(frozen=True)
class Readings(Record):
    """Pictures with captions after some epoch, for MLflow's image grid.

    Attributes:
        key: The name that they have there at every step.
        step: The number of the epoch.
        pictures: At least one, (n, height, width), 0..255.
        captions: Two lines for each picture.
        at: When they were read, in seconds since 1970.
    """

    label = "readings"
    key: str
    step: int
    pictures: Sequence[Sequence[Sequence[int]]]
    captions: Sequence[Sequence[str]]
    at: float = field(default_factory=time.time)

    def write(self, run: Run) -> None:
        """Draw the pictures as one, and write it in the two sizes that MLflow's image grid shows.

        MLflow's own `log_image` would write them under another name each time.
        """
        from mlflow.tracking.multimedia import compress_image_size
        from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_IMAGES

        sheet = contact_sheet(self.pictures, self.captions)
        identity = uuid.uuid5(uuid.NAMESPACE_OID, f"{self.key} {self.step} {self.at}")
        name = f"{self.key}+step+{self.step}+timestamp+{int(self.at * 1000)}+{identity}"
        sizes = {f"{name}.png": sheet, f"{name}+compressed.webp": compress_image_size(sheet)}
        with TemporaryDirectory() as place:
            for file, picture in sizes.items():
                picture.save(Path(place) / file)
                run.client.log_artifact(run.id, str(Path(place) / file), "images")
        run.client.set_tag(run.id, MLFLOW_LOGGED_IMAGES, True)


@dataclass(frozen=True)
class KerasModel(Record):
    """A saved Keras model.

    Attributes:
        path: Where the .keras file is; in a journal, the name of its copy.
        output_shape: The number of classes.
        example: A picture to try it on, (height, width), 0..255.
    """

    label = "keras model"
    path: str
    output_shape: Sequence[int]
    example: Sequence[Sequence[int]]

    @classmethod
    def at(cls, path: Path, output_shape: Sequence[int], example: Sequence[Sequence[int]]) -> Self:
        """Return the record of a .keras file."""
        return cls(str(path), output_shape, example)

    def with_copies(self, folder: Path) -> Self:
        """Copy the .keras file."""
        return replace(self, path=copy_to(folder, Path(self.path)))

    def write(self, run: Run) -> None:
        """Write the model with the signature of its input, uint8, and its output, float32."""
        import numpy as np
        from mlflow.models import ModelSignature
        from mlflow.types import Schema, TensorSpec

        example = np.asarray([self.example], np.uint8)
        pixels = TensorSpec(np.dtype(np.uint8), (-1, *example.shape[1:]))
        probabilities = TensorSpec(np.dtype(np.float32), (-1, *self.output_shape))
        save = partial(
            keras_flavor.save_model,
            keras_file=run.find_copy(self.path),
            signature=ModelSignature(Schema([pixels]), Schema([probabilities])),
            input_example=example,
        )
        log_saved_model(run.client, run.id, keras_flavor.KERAS_MODEL_NAME, save)
