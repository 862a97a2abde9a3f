"""The model registry: the versions of the model `digits`, and which of them is the champion."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config import ROOT, Tracking, home
from pipeline.digits.errors import InputError
from pipeline.digits.files import replace_when_written
from pipeline.tracking import page
from pipeline.tracking.names import UNSEEN_TEST_TAG, validation_accuracy
from pipeline.tracking.refusals import told_in_one_line
from pipeline.tracking.store import experiment_id, log_model, open_store, uri_to_read

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

MODEL_NAME = "digits"
URI_SCHEME = "models:/"
CHAMPION, PREVIOUS = "champion", "previous"
HISTORY_TAG = "champions"
"""Tag of the registered model: the versions that were champion, the present one last."""
DECISION_TAG = "decision"
NETWORK = "train/model.onnx"
SERVED = Path(__file__).with_name("served.py")
CACHE_NAME = ".registry"
# What pipeline.digits imports to read pictures; MLflow adds itself.
SERVED_REQUIREMENTS = ("numpy", "onnxruntime", "opencv-python-headless", "pandas", "pillow")
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
        with _shipped_code() as code, warnings.catch_warnings(record=True):
            return log_model(
                self._client,
                run.id,
                "reader",
                flavor=mlflow.pyfunc,
                python_model=str(SERVED),
                artifacts={"network": str(network)},
                code_paths=[str(code)],
                signature=_signature(unsure_below),
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
        _download_model(self._version(version), network)
        return network

    def _version(self, number: int) -> "ModelVersion":
        return self._client.get_model_version(MODEL_NAME, str(number))


@told_in_one_line
def pin(settings: Tracking, uri: str) -> str:
    """Return the address of the very version that a registered model's alias means now."""
    version = _resolve(settings, uri)
    return f"{URI_SCHEME}{version.name}/{version.version}"


@told_in_one_line
def fetch_network(settings: Tracking, uri: str) -> tuple[Path, str]:
    """Return a registered model's network as an ONNX file, fetched once, and the id of its run.

    Args:
        settings: Where the registry is.
        uri: `models:/NAME@ALIAS` or `models:/NAME/VERSION`.

    Raises:
        InputError: There is no such model, or it was not registered by `pipeline.register`.
    """
    version = _resolve(settings, uri)
    folder = home() / CACHE_NAME / str(version.source).rpartition("/")[2]
    network = folder / Path(NETWORK).name
    if not network.is_file():
        _download_model(version, network)
    return network, str(version.run_id)


def _resolve(settings: Tracking, uri: str) -> "ModelVersion":
    from mlflow.exceptions import MlflowException

    client = open_store(uri_to_read(settings), settings)
    place = uri.removeprefix(URI_SCHEME)
    by_alias = "@" in place
    name, _, which = place.rpartition("@" if by_alias else "/")
    try:
        find = client.get_model_version_by_alias if by_alias else client.get_model_version
        return find(name, which)
    except MlflowException as error:
        raise InputError(
            f"{uri}: MLflow knows no such model; `python -m pipeline.register run=best` makes "
            f"{URI_SCHEME}{MODEL_NAME}@{CHAMPION}"
        ) from error


def _download_model(version: "ModelVersion", network: Path) -> None:
    """Fetch the network out of a version's model."""
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory() as folder:
        uri = f"{URI_SCHEME}{version.name}/{version.version}"
        model = Path(download_artifacts(artifact_uri=uri, dst_path=folder))
        served = model / "artifacts" / Path(NETWORK).name
        if not served.is_file():
            raise InputError(
                f"{uri}: holds no {served.relative_to(model)}; `python -m pipeline.register` makes "
                "models that do"
            )
        with replace_when_written(network) as temporary:
            shutil.copyfile(served, temporary)


@contextmanager
def _shipped_code() -> Iterator[Path]:
    """Gather what the served model imports, `pipeline.digits` and nothing else, in a folder."""
    with tempfile.TemporaryDirectory() as folder:
        package, ours = Path(folder) / "pipeline", ROOT / "pipeline"
        leftovers = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ours / "digits", package / "digits", ignore=leftovers)
        shutil.copy(ours / "__init__.py", package)
        yield package


def _signature(unsure_below: float) -> "ModelSignature":
    """Say what the served model gives; what it takes has too many forms for a schema."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import Array, Object, Property

    alternative = Object(
        [Property("digit", DataType.long), Property("confidence", DataType.double)]
    )
    outputs = Schema(
        [
            ColSpec(DataType.long, "digit"),
            ColSpec(DataType.double, "confidence"),
            ColSpec(Array(alternative), "alternatives"),
            ColSpec(DataType.string, "status"),
            ColSpec(DataType.string, "detail"),
        ]
    )
    params = ParamSchema([ParamSpec("unsure_below", DataType.double, unsure_below)])
    return ModelSignature(outputs=outputs, params=params)


def _trained(run: "Run") -> TrainedRun:
    return TrainedRun(
        id=run.info.run_id,
        name=run.info.run_name,
        unseen_test_digest=run.data.tags.get(UNSEEN_TEST_TAG),
        metrics=run.data.metrics,
    )
