"""The names of our experiments, tags, parameters and metrics in MLflow."""

import re
from collections.abc import Mapping

from pipeline.config.schema import Tracking

RUN_ID = re.compile("[0-9a-f]{32}")
RUN_KEY_TAG = "run_key"
"""The id that we give a run before MLflow does."""
DESCRIPTION_TAG = "mlflow.note.content"
"""The text at the top of a run's page, in Markdown."""
DATA_NOTE_TAG = "note"
"""A warning about the data, for example that it replaces data that could not be fetched."""
DATA_DIGEST_TAG = "data_digest"
DATA_RUN_TAG = "data_run_id"
"""Of a training's run: the run that prepared its data."""
LINES_RUN_TAG = "lines_run_id"
"""Of a run of predictions: the run of the network that read whole lines."""
UNSEEN_TEST_TAG = "unseen_test_digest"
"""Of a training's run: the digest of a test set that its network's weights have never seen."""
SWEEP_TAG = "sweep"
REPLACES_TAG = "replaces_run_id"
"""Of a run that stands for one that is gone: the id of that one."""
CONFIGURATION_TAG = "configuration"
"""Of a training's run: the same for all its seeds, so that MLflow can group by it."""
CONFIG_ARTIFACT = "config/params.yaml"
LAYER_PARAMS = ("model.hidden_units", "model.filters")
"""The parameters that hold a network's layer sizes: of a dense network, of a CNN."""
LAYERS_PARAM = "layers"
"""The parameter that names a network by its family and layer sizes, the same for all families."""
CHOSEN_ACCURACY = "val_accuracy_chosen"
"""Metric: validation accuracy of the weights that were kept, which need not be the last epoch's."""


def data_experiment(settings: Tracking) -> str:
    """Return the name of the experiment that holds the runs of the stage prepare."""
    return f"{settings.experiment}-data"


def lines_experiment(settings: Tracking) -> str:
    """Return the name of the experiment that holds the runs of the stage train-lines."""
    return f"{settings.experiment}-lines"


def validation_accuracy(metrics: Mapping[str, float]) -> float | None:
    """Return the validation accuracy of the weights kept or, if unknown, of the last epoch."""
    return metrics.get(CHOSEN_ACCURACY, metrics.get("val_accuracy"))


def comparable_data(tags: Mapping[str, str]) -> str | None:
    """Return what trainings must share if their accuracies are to be compared; None if unknown.

    It is the digest of their test set: the seed decides which of the other pictures are validation
    pictures. Of weights that may have seen the test set, it is the digest of all prepared data.
    """
    return tags.get(UNSEEN_TEST_TAG) or tags.get(DATA_DIGEST_TAG)
