"""Pack a network, and the code that reads pictures with it, into a model that can be served."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.places import ROOT
from pipeline.tracking.models import log_model

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

SERVED = Path(__file__).with_name("served.py")
SERVED_CODE = ("digits", "system")
"""Folders of pipeline/ that the served model imports from."""

SERVED_MODEL_NAME = "reader"
"""The name of the served model in a run, which also holds the Keras model."""
# The packages that pipeline.digits needs to read pictures; MLflow adds itself.
SERVED_REQUIREMENTS = ("numpy", "onnxruntime", "opencv-python-headless", "pandas", "pillow")


def log_served_model(
    client: "MlflowClient", run_id: str, network: Path, unsure_below: float
) -> str:
    """Record a model that reads pictures in a run; return the model's id.

    Args:
        client: Client of the store that holds the run.
        run_id: The run.
        network: Its ONNX file.
        unsure_below: Confidence, 0..1, below which the model by default calls an answer unsure.
    """
    from importlib.metadata import version

    import mlflow.pyfunc

    # MLflow advises declaring one form of input, and sets its own warning filter to say so.
    with shipped_code() as code, warnings.catch_warnings(record=True):
        return log_model(
            client,
            run_id,
            SERVED_MODEL_NAME,
            flavor=mlflow.pyfunc,
            python_model=str(SERVED),
            artifacts={"network": str(network)},
            code_paths=[str(code)],
            signature=signature(unsure_below),
            pip_requirements=[f"{name}=={version(name)}" for name in SERVED_REQUIREMENTS],
        )


@contextmanager
def shipped_code() -> Iterator[Path]:
    """Copy what the served model imports to a temporary folder; yield that copy of `pipeline`."""
    with tempfile.TemporaryDirectory() as place:
        package, ours = Path(place) / "pipeline", ROOT / "pipeline"
        leftovers = shutil.ignore_patterns("__pycache__")
        for folder in SERVED_CODE:
            shutil.copytree(ours / folder, package / folder, ignore=leftovers)
        shutil.copy(ours / "__init__.py", package)
        yield package


def signature(unsure_below: float) -> "ModelSignature":
    """Return a signature of the outputs and parameters; inputs have too many forms for a schema."""
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
