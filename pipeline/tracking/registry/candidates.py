"""Find the trainings whose networks can become versions of the registered model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.system.errors import InputError
from pipeline.tracking.errors import mlflow_errors_as_input_errors
from pipeline.tracking.lookups import experiment_id, find_training
from pipeline.tracking.names import UNSEEN_TEST_TAG, validation_accuracy
from pipeline.tracking.registry.names import NETWORK

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


@dataclass(frozen=True)
class Candidate:
    """A run that holds a trained network.

    Attributes:
        run_id: Its MLflow run.
        name: What ran, such as "mlp 128-128 · 5 epochs".
        unseen_test_digest: SHA-256 of the test set that the network's weights have not seen;
            None if unknown.
        metrics: Its metrics, each at its last step.
    """

    run_id: str
    name: str
    unseen_test_digest: str | None
    metrics: Mapping[str, float]


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
    def find(self, which: str) -> Candidate:
        """Return a run by its id, or for "best" the finished training best on validation data.

        Raises:
            InputError: There is no such run, or it holds no network.
        """
        return _candidate(self._best() if which == "best" else self._by_id(which))

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
                f"run={run_id}: a trial keeps no network; train it again with `python -m "
                f"pipeline.promote run={run_id}` and `dvc repro`, then register run=best"
            )
        if not self._holds_network(run):
            raise InputError(f"run={run_id}: has no {NETWORK}; give the id of a finished training")
        return run

    def _best(self) -> "Run":
        best_first = sorted(
            self._finished_trainings(),
            key=lambda run: -(validation_accuracy(run.data.metrics) or 0),
        )
        for run in best_first:
            if self._holds_network(run):
                return run
        raise InputError(
            f"run=best: experiment {self._experiment} holds no finished training; "
            "run `python -m pipeline` first"
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


def _candidate(run: "Run") -> Candidate:
    return Candidate(
        run_id=run.info.run_id,
        name=run.info.run_name,
        unseen_test_digest=run.data.tags.get(UNSEEN_TEST_TAG),
        metrics=run.data.metrics,
    )
