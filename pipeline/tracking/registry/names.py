"""What the registered model and its parts are called in MLflow."""

REGISTERED_MODEL = "digits"
CHAMPION, PREVIOUS = "champion", "previous"
"""The aliases of two versions: the best one, and the one that was best before it."""
NETWORK = "train/model.onnx"
"""The artifact of a training's run that holds its network."""
VERSIONS_CONDITION = f"name = '{REGISTERED_MODEL}'"
"""What MLflow's searches find the registered model and its versions by."""
