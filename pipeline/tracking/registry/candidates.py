"""Find the trainings whose networks can become versions of the registered model."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.system.errors import InputError
from pipeline.tracking.errors import mlflow_errors_as_input_errors
from pipeline.tracking.lookups import experiment_id, find_training
from pipeline.tracking.names import UNSEEN_TEST_TAG, comparable_data, validation_accuracy
from pipeline.tracking.registry.names import NETWORK

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Dataset, DatasetInput, Run

TRAINING = "training"  # what MLflow calls data that a run has learned from
FEW_PICTURES = 100
"""Below as many validation pictures, one more read right is more than a percent."""


@dataclass(frozen=True)
class Candidate:
    """A run that holds a trained network.

    Attributes:
        run_id: Its MLflow run.
        name: What ran, such as "mlp 128-128 · 5 epochs".
        unseen_test_digest: SHA-256 of the test set that the network's weights have not seen;
            None if unknown.
        metrics: Its metrics, each at its last step.
        choice: Of the best: among which trainings it was found, and its figures, in one line.
    """

    run_id: str
    name: str
    unseen_test_digest: str | None
    metrics: Mapping[str, float]
    choice: str | None = None


@dataclass(frozen=True)
class _Rivals:
    """Finished trainings whose accuracies can be compared.

    Attributes:
        data: What identifies their data: see `comparable_data`; None if it was not recorded.
        runs: The trainings, the oldest first.
    """

    data: str | None
    runs: "list[Run]"

    @property
    def pictures(self) -> int | None:
        """The number of validation pictures; None if it was not recorded."""
        pictures = json.loads(self._dataset.profile or "{}") if self._dataset else {}
        return int(pictures["validation"]) if "validation" in pictures else None

    @property
    def is_tiny(self) -> bool:
        """Whether there are so few validation pictures that chance decides which run is best."""
        return self.pictures is not None and self.pictures < FEW_PICTURES

    @property
    def name(self) -> str:
        """The data's name with the number of validation pictures, as far as known."""
        known = f" with {self.pictures:,} validation pictures" if self.pictures else ""
        return (self._dataset.name if self._dataset else "unknown data") + known

    @property
    def _dataset(self) -> "Dataset | None":
        inputs = self.runs[-1].inputs
        found = inputs.dataset_inputs if inputs else []
        return next((each.dataset for each in found if _is_trained_on(each)), None)


class Candidates:
    """The trainings of one MLflow experiment."""

    def __init__(self, client: "MlflowClient", experiment: str) -> None:
        """Select the experiment to search.

        Args:
            client: Client of the store that holds the runs.
            experiment: The name of the MLflow experiment that "best" searches.
        """
        self._client = client
        self._experiment = experiment

    @mlflow_errors_as_input_errors
    def find(self, which: str, prepared: str | None = None) -> Candidate:
        """Return a run by its id, or for "best" the finished training best on validation data.

        Accuracies on other data cannot be compared. So the best is sought among the trainings on
        the data prepared now or, if there are none, on that of the last one; data with few
        validation pictures comes last.

        Args:
            which: The run's id, or "best".
            prepared: SHA-256 of the test set that is prepared now; None if there is none.

        Raises:
            InputError: There is no such run, or it holds no network.
        """
        return self._best(prepared) if which == "best" else _candidate(self._by_id(which))

    @mlflow_errors_as_input_errors
    def download(self, candidate: Candidate, folder: Path) -> Path:
        """Download a candidate's network to a folder; return the ONNX file."""
        return Path(self._client.download_artifacts(candidate.run_id, NETWORK, str(folder)))

    @mlflow_errors_as_input_errors
    def add_files(self, candidate: Candidate, files: Sequence[Path], folder: str) -> None:
        """Record files as artifacts in a folder of a candidate's run."""
        for file in files:
            self._client.log_artifact(candidate.run_id, str(file), folder)

    def _by_id(self, run_id: str) -> "Run":
        run = find_training(self._client, run_id)
        if run is None:
            raise InputError(
                f"run={run_id}: MLflow knows no such run; `make ui` lists the runs, and run=best "
                "takes the best on validation data"
            )
        if run.data.tags.get("stage") == "trial":
            raise InputError(
                f"run={run_id}: a trial keeps no network; train it again with "
                f"`digits promote run={run_id}` and `dvc repro`, then register run=best"
            )
        if not self._holds_network(run):
            raise InputError(f"run={run_id}: has no {NETWORK}; give the id of a finished training")
        return run

    def _best(self, prepared: str | None) -> Candidate:
        groups: dict[str | None, list[Run]] = {}
        for run in self._finished_trainings():
            data = comparable_data(run.data.tags)
            groups[data] = [*groups.pop(data, []), run]  # the last trained on, last
        rivals = [_Rivals(data, runs) for data, runs in groups.items()]
        last_first = rivals[::-1]
        for each in sorted(last_first, key=lambda each: (each.is_tiny, each.data != prepared)):
            for run in sorted(each.runs, key=_accuracy, reverse=True):
                if self._holds_network(run):
                    others = [other.name for other in rivals if other is not each]
                    return replace(_candidate(run), choice=_in_words(run, each, others))
        raise InputError(
            f"run=best: experiment {self._experiment} holds no finished training; "
            "run `digits` first"
        )

    def _finished_trainings(self) -> "Iterator[Run]":
        """Yield all finished trainings, the oldest first; MLflow returns them page by page."""
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


def _is_trained_on(data: "DatasetInput") -> bool:
    return any(tag.value == TRAINING for tag in data.tags)


def _accuracy(run: "Run") -> float:
    return validation_accuracy(run.data.metrics) or 0.0


def _in_words(run: "Run", rivals: _Rivals, others: Sequence[str]) -> str:
    """Return which run is best among which, and how good it is, in one line."""
    count = len(rivals.runs)
    words = (
        f"best of {count} training{'s' if count > 1 else ''} on {rivals.name}: "
        f"{run.info.run_name}, {100 * _accuracy(run):.2f} %, MLflow run {run.info.run_id}"
    )
    if rivals.is_tiny:
        words += "; so few pictures say little about it"
    if others:
        words += f"; not compared with trainings on {', '.join(others)}"
    return words


def _candidate(run: "Run") -> Candidate:
    return Candidate(
        run_id=run.info.run_id,
        name=run.info.run_name,
        unseen_test_digest=run.data.tags.get(UNSEEN_TEST_TAG),
        metrics=run.data.metrics,
    )
