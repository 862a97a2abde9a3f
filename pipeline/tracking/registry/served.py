"""The registered model: MLflow runs this file wherever the model is loaded.

The ONNX network and the code of `pipeline.digits` come with it, so a picture is read there as it is
here. It needs only these, what they import, and MLflow: no TensorFlow.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.serving import answer, as_row, unstack
from pipeline.digits.splits import SIDE

# Type hints would limit MLflow to one form of input, but there are several.
warnings.filterwarnings("ignore", message=".*Add type hints to the `predict` method")


class DigitReader(PythonModel):
    """Reads digits from pictures."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the network that comes with this file."""
        self._classifier = Classifier.load(Path(context.artifacts["network"]))

    # An annotation of `model_input` would tell MLflow that pictures have only that form.
    def predict(  # type: ignore[no-untyped-def, override]
        self,
        model_input,  # noqa: ANN001
        params: dict[str, Any],
    ) -> pd.DataFrame:
        """Read one digit from each picture.

        Args:
            model_input: One picture or many, as a list, an array, or a table: pictures in its only
                column, or a pixel of 28 x 28 in each column.
                `pipeline.digits.serving.answer` says what a picture may be.
            params: `unsure_below`, 0..1: the confidence below which an answer is "unsure". Its
                default, in the model's signature, is the value configured at registration.

        Returns:
            One row for each picture: digit and confidence, the alternatives (a list of digit and
            confidence, the likeliest first), status ("ok", "unsure", "error") and detail.
        """
        unsure_below = float(params["unsure_below"])
        predictions = answer(_pictures(model_input), self._classifier, unsure_below=unsure_below)
        table = pd.DataFrame([as_row(each) for each in predictions], columns=_COLUMNS)
        return table.astype({"digit": "Int64", "confidence": "float64"})


def _pictures(model_input: Any) -> list[object]:
    if isinstance(model_input, pd.DataFrame):
        if model_input.shape[1] == SIDE**2:
            return list(model_input.to_numpy())
        if model_input.shape[1] != 1:
            columns = ", ".join(map(str, model_input.columns))
            raise ValueError(
                f"one column of pictures is needed; the table has: {columns or 'none'}"
            )
        model_input = model_input.iloc[:, 0]
    if isinstance(model_input, pd.Series):
        return list(model_input)
    if isinstance(model_input, np.ndarray):
        return unstack(model_input)
    return model_input if isinstance(model_input, list) else [model_input]


_COLUMNS = ["digit", "confidence", "alternatives", "status", "detail"]


set_model(DigitReader())
