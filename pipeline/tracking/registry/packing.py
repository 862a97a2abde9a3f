"""Pack a network and the code that reads pictures into a registered model."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.places import ROOT

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

SERVED = Path(__file__).with_name("served.py")

# What pipeline.digits imports to read pictures; MLflow adds itself.
SERVED_REQUIREMENTS = ("numpy", "onnxruntime", "opencv-python-headless", "pandas", "pillow")


@contextmanager
def shipped_code() -> Iterator[Path]:
    """Gather what the served model imports, digits/ and system/, in a folder."""
    with tempfile.TemporaryDirectory() as folder:
        package, ours = Path(folder) / "pipeline", ROOT / "pipeline"
        leftovers = shutil.ignore_patterns("__pycache__")
        for folder in ("digits", "system"):
            shutil.copytree(ours / folder, package / folder, ignore=leftovers)
        shutil.copy(ours / "__init__.py", package)
        yield package


def signature(unsure_below: float) -> "ModelSignature":
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
