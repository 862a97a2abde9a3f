"""The model registry: the versions of the model `digits`, and which of them is the champion."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.schema import Tracking
from pipeline.system.errors import InputError
from pipeline.tracking import page
from pipeline.tracking.addresses import uri_to_read
from pipeline.tracking.lookups import experiment_id
from pipeline.tracking.models import log_model
from pipeline.tracking.names import UNSEEN_TEST_TAG, validation_accuracy
from pipeline.tracking.refusals import told_in_one_line
from pipeline.tracking.registry.fetching import (
    CHAMPION,
    MODEL_NAME,
    NETWORK,
    PREVIOUS,
    download_model,
)
from pipeline.tracking.registry.packing import SERVED, SERVED_REQUIREMENTS, shipped_code, signature
from pipeline.tracking.store import open_store

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

HISTORY_TAG = "champions"
"""Tag of the registered model: the versions that were champion, the present one last."""

DECISION_TAG = "decision"
ABOUT = f"""\
Reads handwritten digits from pictures. `{CHAMPION}` is the version that is best by more than chance
on the test part; `{PREVIOUS}` the one before it.

```python
reader = mlflow.pyfunc.load_model("models:/{MODEL_NAME}@{CHAMPION}")
reader.predict([open("seven.png", "rb").read()])  # digit, confidence, alternatives, status, detail
```
"""


@dataclass(frozen=True)
class TrainedRun:
    """A run that holds a trained network.

    Attributes:
        id: Its MLflow id.
        name: What ran, such as "mlp 128-128 · 5 epochs".
        unseen_test_digest: SHA-256 of the test part that its network's weights have not met, None
            if that is not known of any.
        metrics: Its metrics, each at its last step.
    """

    id: str
    name: str
    unseen_test_digest: str | None
    metrics: Mapping[str, float]


class Registry:
    """The registered model `digits` in the store that runs are recorded in."""

    def __init__(self, settings: Tracking) -> None:
        """Open the store."""
        self._client = open_store(uri_to_read(settings), settings)
        self._experiment = settings.experiment

    @told_in_one_line
    def find_run(self, which: str) -> TrainedRun:
        """Find a run by its id, or "best": the finished training best on validation data.

        Raises:
            InputError: There is no such run, or it holds no network.
        """
        if which == "best":
            return self._best_run()
        from mlflow.exceptions import MlflowException

        try:
            run = self._client.get_run(which)
        except MlflowException as error:
            raise InputError(
                f"run={which}: MLflow knows no such run; `make ui` shows them, run=best takes the "
                "best on validation data"
            ) from error
        if run.data.tags.get("stage") == "trial":
            raise InputError(
                f"run={which}: a trial keeps no network; `python -m pipeline.promote run={which}` "
                "and `dvc repro` train it again, and then run=best may take it"
            )
        if not self._holds_network(run):
            raise InputError(
                f"run={which}: holds no {NETWORK}; give the id of a training that has finished"
            )
        return _trained(run)

    def _best_run(self) -> TrainedRun:
        by_accuracy = sorted(
            self._finished_trainings(),
            key=lambda run: -(validation_accuracy(run.data.metrics) or 0),
        )
        for run in by_accuracy:
            if self._holds_network(run):
                return _trained(run)
        raise InputError(
            f"run=best: experiment {self._experiment} holds no finished training; "
            "run `python -m pipeline` first"
        )

    def _finished_trainings(self) -> "Iterator[Run]":
        """Return all of them, the oldest first; MLflow gives a page of them at a time."""
        token: str | None = None
        while True:
            found = self._client.search_runs(
                [experiment_id(self._client, self._experiment)],
                "attributes.status = 'FINISHED' and tags.stage = 'train' "
                "and metrics.val_accuracy > 0",
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            yield from found
            token = found.token
            if not token:
                return

    def _holds_network(self, run: "Run") -> bool:
        folder = str(Path(NETWORK).parent)
        artifacts = self._client.list_artifacts(run.info.run_id, folder)
        return any(artifact.path == NETWORK for artifact in artifacts)

    @told_in_one_line
    def register(self, run: TrainedRun, network: Path, unsure_below: float) -> int:
        """Return the version that holds a run's network, made if there is none yet.

        Args:
            run: The training.
            network: Its ONNX file.
            unsure_below: Confidence, 0..1, below which the version calls an answer unsure unless
                it is told otherwise.
        """
        self._make_model()
        known = self._client.search_model_versions(f"name = '{MODEL_NAME}'")
        for version in known:
            if version.run_id == run.id:
                return int(version.version)
        created = self._client.create_model_version(
            MODEL_NAME,
            source=f"models:/{self._log_model(run, network, unsure_below)}",
            run_id=run.id,
            await_creation_for=0,
        )
        return int(created.version)

    def _make_model(self) -> None:
        if not self._client.search_registered_models(f"name = '{MODEL_NAME}'"):
            self._client.create_registered_model(MODEL_NAME, description=ABOUT)

    def _log_model(self, run: TrainedRun, network: Path, unsure_below: float) -> str:
        """Record the picture-reading model with a run; return its id."""
        import mlflow.pyfunc

        # MLflow's advice to tell of one form of input; it sets a filter of its own for that.
        with shipped_code() as code, warnings.catch_warnings(record=True):
            return log_model(
                self._client,
                run.id,
                "reader",
                flavor=mlflow.pyfunc,
                python_model=str(SERVED),
                artifacts={"network": str(network)},
                code_paths=[str(code)],
                signature=signature(unsure_below),
                pip_requirements=[
                    f"{name}=={installed_version(name)}" for name in SERVED_REQUIREMENTS
                ],
            )

    @told_in_one_line
    def describe(self, version: int, run: TrainedRun, decision: str, plot: str | None) -> None:
        """Write a version's page: its run and numbers, what was decided about it, and on what.

        Args:
            version: Its number.
            run: The training it is from.
            decision: One line.
            plot: Artifact of the run that shows the comparison, if there was one.
        """
        lines = [" · ".join([run.name, *page.accuracies(run.metrics)]), decision]
        if plot:
            lines.append(page.picture(run.id, page.log_small(self._client, run.id, plot)))
        text = "\n\n".join(lines)
        self._client.update_model_version(MODEL_NAME, str(version), description=text)
        self._client.set_model_version_tag(MODEL_NAME, str(version), DECISION_TAG, decision)

    @told_in_one_line
    def log_files(self, run: TrainedRun, files: Sequence[Path], folder: str) -> None:
        """Record files as artifacts in a folder of a run."""
        for file in files:
            self._client.log_artifact(run.id, str(file), folder)

    @told_in_one_line
    def champion(self) -> int | None:
        """Return the champion's version; None if there is none."""
        models = self._client.search_registered_models(f"name = '{MODEL_NAME}'")
        number = models[0].aliases.get(CHAMPION) if models else None
        return int(number) if number else None

    @told_in_one_line
    def crown(self, version: int) -> None:
        """Make a version the champion; the one before it stays at hand."""
        self._reign([*self._history(), version])

    @told_in_one_line
    def roll_back(self) -> tuple[int, int]:
        """Make the champion before the present one champion again; give both, the new one last.

        Raises:
            InputError: There is no earlier champion.
        """
        history = self._history()
        if len(history) < 2:
            raise InputError(
                "rollback=true: there is no earlier champion to go back to; "
                "`python -m pipeline.register run=best` may make a new one"
            )
        self._reign(history[:-1])
        return history[-1], history[-2]

    def _history(self) -> list[int]:
        """Return the champions so far that still exist; the alias has the last word."""
        champion = self.champion()
        if champion is None:
            return []
        tags = self._client.get_registered_model(MODEL_NAME).tags
        known = self._client.search_model_versions(f"name = '{MODEL_NAME}'")
        numbers = {int(version.version) for version in known}
        past = [int(number) for number in tags.get(HISTORY_TAG, "").split()]
        history = [number for number in past if number in numbers]
        return history if history[-1:] == [champion] else [*history, champion]

    def _reign(self, history: Sequence[int]) -> None:
        self._client.set_registered_model_tag(MODEL_NAME, HISTORY_TAG, " ".join(map(str, history)))
        self._client.set_registered_model_alias(MODEL_NAME, CHAMPION, str(history[-1]))
        if len(history) > 1:
            self._client.set_registered_model_alias(MODEL_NAME, PREVIOUS, str(history[-2]))
        else:
            self._client.delete_registered_model_alias(MODEL_NAME, PREVIOUS)

    @told_in_one_line
    def download_run(self, run: TrainedRun, folder: Path) -> Path:
        """Fetch a run's network as an ONNX file into a folder."""
        return Path(self._client.download_artifacts(run.id, NETWORK, str(folder)))

    @told_in_one_line
    def download_version(self, version: int, folder: Path) -> Path:
        """Fetch a version's network as an ONNX file into a folder."""
        network = folder / f"version_{version}.onnx"
        download_model(self._version(version), network)
        return network

    def _version(self, number: int) -> "ModelVersion":
        return self._client.get_model_version(MODEL_NAME, str(number))


def _trained(run: "Run") -> TrainedRun:
    return TrainedRun(
        id=run.info.run_id,
        name=run.info.run_name,
        unseen_test_digest=run.data.tags.get(UNSEEN_TEST_TAG),
        metrics=run.data.metrics,
    )
