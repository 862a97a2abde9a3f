"""The names of the registered model and its parts in MLflow."""

REGISTERED_MODEL = "digits"
CHAMPION, PREVIOUS = "champion", "previous"
"""The aliases of two versions: the best one, and the best one before it."""
NETWORK = "train/model.onnx"
"""The artifact of a training's run that holds its network."""
VERSIONS_CONDITION = f"name = '{REGISTERED_MODEL}'"
"""The filter that finds the registered model and its versions in MLflow."""
