"""Create, describe and download versions of the registered model."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.tracking import page
from pipeline.tracking.errors import mlflow_errors_as_input_errors, refusal
from pipeline.tracking.names import CHOSEN_ACCURACY
from pipeline.tracking.registry.candidates import Candidate
from pipeline.tracking.registry.fetching import URI_SCHEME, download_network
from pipeline.tracking.registry.names import (
    CHAMPION,
    DIGEST_TAG,
    PREVIOUS,
    REGISTERED_MODEL,
    VERSIONS_CONDITION,
)
from pipeline.tracking.registry.packing import SERVED_MODEL_NAME, log_served_model

if TYPE_CHECKING:
    from mlflow import MlflowClient

DECISION_TAG = "decision"
SHOWN = (CHOSEN_ACCURACY, "test_accuracy", "corrupted_accuracy")
"""The metrics that are tags of a version as well: the list of versions shows these."""
ABOUT = f"""\
Reads handwritten digits from pictures. `{CHAMPION}` is the version that is significantly
best on the test set; `{PREVIOUS}` is the champion before it.

```python
reader = mlflow.pyfunc.load_model("{URI_SCHEME}{REGISTERED_MODEL}@{CHAMPION}")
reader.predict([open("seven.png", "rb").read()])  # digit, confidence, alternatives, status, detail
```
"""


class Versions:
    """The versions of the registered model, by number."""

    def __init__(self, client: "MlflowClient") -> None:
        """Use the store of a client."""
        self._client = client

    @mlflow_errors_as_input_errors
    def find_or_create(self, candidate: Candidate, network: Path, unsure_below: float) -> int:
        """Return the version that holds a candidate's network; create it if there is none.

        Args:
            candidate: The training.
            network: Its ONNX file.
            unsure_below: Confidence, 0..1, below which the version by default calls an answer
                unsure.
        """
        self._create_model()
        for version in self._client.search_model_versions(VERSIONS_CONDITION):
            if version.run_id == candidate.run_id:
                return int(version.version)
        # Before and after: a try that was killed, or whose version was deleted, left one behind.
        self._delete_served_models(candidate.run_id)
        try:
            model = log_served_model(self._client, candidate.run_id, network, unsure_below)
            created = self._client.create_model_version(
                REGISTERED_MODEL,
                source=f"{URI_SCHEME}{model}",
                run_id=candidate.run_id,
                await_creation_for=0,
                model_id=model,  # a server asks for it
                tags={DIGEST_TAG: hashlib.sha256(network.read_bytes()).hexdigest()},
            )
        except BaseException:
            self._delete_served_models(candidate.run_id)
            raise
        return int(created.version)

    def _delete_served_models(self, run_id: str) -> None:
        run = self._client.get_run(run_id)
        found = self._client.search_logged_models(
            [run.info.experiment_id],
            f"source_run_id = '{run_id}' and name = '{SERVED_MODEL_NAME}'",
        )
        from mlflow.exceptions import MlflowException

        for model in found:
            try:
                self._client.delete_logged_model(model.model_id)
            except MlflowException as error:
                if refusal(error) is None:  # nobody needs it, but on a server it may have to stay
                    raise

    @mlflow_errors_as_input_errors
    def describe(self, version: int, candidate: Candidate, decision: str, plot: str | None) -> None:
        """Write a version's page: its run, its accuracies, and the decision about it.

        Args:
            version: Its number.
            candidate: The training it comes from.
            decision: Which version is champion, and why, in one line.
            plot: Path of the comparison's plot in the run; None if nothing was compared.
        """
        metrics = candidate.metrics
        lines = [" · ".join([candidate.name, *page.accuracies(metrics)]), decision]
        if beyond := page.beyond_accuracy(metrics):
            lines.insert(1, beyond)
        if plot:
            small = page.log_small(self._client, candidate.run_id, plot)
            lines.append(page.picture(candidate.run_id, small))
        number, text = str(version), "\n\n".join(lines)
        self._client.update_model_version(REGISTERED_MODEL, number, description=text)
        figures = {name: f"{metrics[name]:.4f}" for name in SHOWN if name in metrics}
        for key, value in {DECISION_TAG: decision, **figures}.items():
            self._client.set_model_version_tag(REGISTERED_MODEL, number, key, value)

    @mlflow_errors_as_input_errors
    def download(self, version: int, folder: Path) -> Path:
        """Download a version's network to a folder; return the ONNX file."""
        network = folder / f"version_{version}.onnx"
        download_network(self._client.get_model_version(REGISTERED_MODEL, str(version)), network)
        return network

    def _create_model(self) -> None:
        if not self._client.search_registered_models(VERSIONS_CONDITION):
            self._client.create_registered_model(REGISTERED_MODEL, description=ABOUT)
