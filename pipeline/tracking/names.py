"""What a run holds, by name, and how to read it back."""

from collections.abc import Mapping

NOTE_TAG = "mlflow.note.content"
DATA_RUN_TAG = "data_run_id"
ROWS_RUN_TAG = "rows_run_id"
"""Of predictions: the run of the network that read digits which touch."""
DATA_DIGEST_TAG = "data_digest"
UNSEEN_TEST_TAG = "unseen_test_digest"
"""Of a training: the digest of the test part that none of its network's weights has met."""
CONFIG_ARTIFACT = "config/params.yaml"
LAYER_PARAMS = ("model.hidden_units", "model.filters")
"""Where a network's layer sizes are among a run's parameters: of a dense one, of a CNN."""
RECORDED_SECTIONS = ("seed", "data", "prepare", "model", "train")
CHOSEN_ACCURACY = "val_accuracy_chosen"
"""Metric: validation accuracy of the weights that were kept, which need not be the last epoch's."""


def validation_accuracy(metrics: Mapping[str, float]) -> float | None:
    """Return that of the weights that were kept; the last epoch's where a run does not tell."""
    return metrics.get(CHOSEN_ACCURACY, metrics.get("val_accuracy"))
