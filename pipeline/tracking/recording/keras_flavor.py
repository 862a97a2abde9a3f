"""A Keras model for MLflow from its .keras file, laid out as `mlflow.keras` reads it.

`mlflow.keras.log_model` wants the model itself and so TensorFlow, which is in the training process,
while MLflow is in another.
"""

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature

# Where `mlflow.keras` looks for it within the model's folder.
KERAS_FILE = "data/model.keras"


def save_model(
    path: str,
    mlflow_model: "Model",
    *,
    keras_file: Path,
    signature: "ModelSignature",
    requirements: list[str],
) -> None:
    """Write an MLflow model of the flavours "keras" and "python_function" into a new folder.

    Args:
        path: The folder.
        mlflow_model: What MLflow knows of the model; gets the flavours and is written there.
        keras_file: The saved model.
        signature: What goes in and comes out.
        requirements: What loading it needs, as pip takes it.
    """
    import mlflow.pyfunc

    folder = Path(path)
    (folder / "data").mkdir(parents=True)
    shutil.copyfile(keras_file, folder / KERAS_FILE)
    (folder / "data" / "keras_module.txt").write_text("keras")
    (folder / "requirements.txt").write_text("\n".join(requirements) + "\n")
    mlflow_model.signature = signature
    mlflow_model.add_flavor(
        "keras",
        data="data",
        keras_version=version("keras"),
        keras_backend="tensorflow",
        save_exported_model=False,
    )
    mlflow.pyfunc.add_to_model(mlflow_model, loader_module="mlflow.keras")
    mlflow_model.save(str(folder / "MLmodel"))
