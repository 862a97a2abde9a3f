"""Write a .keras file as an MLflow model that `mlflow.keras` can read.

`mlflow.keras.log_model` needs the model in memory, and so TensorFlow. But TensorFlow runs in the
training's process and MLflow in another.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from mlflow.models import Model, ModelSignature
    from numpy.typing import NDArray

KERAS_MODEL_NAME = "model"
"""The name of the Keras model in a run."""
KERAS_FILE_IN_MODEL = "data/model.keras"
"""Where `mlflow.keras` looks for the .keras file within the model's folder."""
REQUIREMENTS = ("tensorflow", "keras", "numpy")


def save_model(
    path: str,
    mlflow_model: "Model",
    *,
    keras_file: Path,
    signature: "ModelSignature",
    input_example: "NDArray[np.uint8]",
) -> None:
    """Write an MLflow model with the flavours "keras" and "python_function" to a new folder.

    Args:
        path: The folder.
        mlflow_model: The model's description. It is given the flavours and written to the folder.
        keras_file: The saved model.
        signature: The model's inputs and outputs.
        input_example: Pictures to try it on.
    """
    from importlib.metadata import version

    import mlflow.pyfunc
    from mlflow.models.utils import _save_example  # as the flavours of others do

    folder = Path(path)
    (folder / "data").mkdir(parents=True)
    shutil.copyfile(keras_file, folder / KERAS_FILE_IN_MODEL)
    (folder / "data" / "keras_module.txt").write_text("keras")
    requirements = [f"{name}=={version(name)}\n" for name in REQUIREMENTS]
    (folder / "requirements.txt").write_text("".join(requirements))
    mlflow_model.signature = signature
    _save_example(mlflow_model, input_example, path)
    mlflow_model.add_flavor(
        "keras",
        data="data",
        keras_version=version("keras"),
        keras_backend="tensorflow",
        save_exported_model=False,
    )
    mlflow.pyfunc.add_to_model(mlflow_model, loader_module="mlflow.keras")
    mlflow_model.save(str(folder / "MLmodel"))
