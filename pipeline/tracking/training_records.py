"""Define what the run of a training records, for stages and trials alike.

The functions take plain values and return records. No stage depends on this file in dvc.yaml, so
changing what a run records retrains nothing.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping

from pipeline.config.params import dump
from pipeline.config.schema import Tracking
from pipeline.config.trees import Tree, bare_name
from pipeline.tracking.names import (
    CHOSEN_ACCURACY,
    CONFIG_ARTIFACT,
    CONFIGURATION_TAG,
    DATA_NOTE_TAG,
    DESCRIPTION_TAG,
    UNSEEN_TEST_TAG,
)
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.records import (
    DatasetInput,
    Metrics,
    Params,
    Record,
    Tags,
    Text,
)

RECORDED_SECTIONS = ("seed", "data", "prepare", "model", "train")
"""The sections of the configuration that are recorded as a training's parameters."""
DATA_SOURCE = "data/prepared"
CURVES = {
    "loss": "train_loss",
    "accuracy": "train_accuracy",
    "val_loss": "val_loss",
    "val_accuracy": "val_accuracy",
    "learning_rate": "learning_rate",
    "seconds": "epoch_seconds",
}
"""The curves of a training, by the fields of an epoch that hold their values."""


def training_request(
    settings: Tracking,
    name: str,
    stage: str,
    config: Tree,
    *,
    tags: Mapping[str, str] | None = None,
    parent_run_id: str | None = None,
) -> RunRequest:
    """Return the request for a training's run: its name, tags and parent.

    Args:
        settings: Where it is recorded.
        name: What is trained, such as "mlp 128-128 · 5 epochs".
        stage: What trains it: "train", or "trial" for one of a sweep or search.
        config: The composed configuration.
        tags: More tags.
        parent_run_id: The run of the sweep or search, if it belongs to one.
    """
    own = {
        "stage": stage,
        "model_family": bare_name(config["model"]["_target_"]),
        CONFIGURATION_TAG: configuration_name(name, config),
    }
    return RunRequest(settings.experiment, name, own | dict(tags or {}), parent_run_id)


def configuration_name(name: str, config: Tree) -> str:
    """Return a name of a configuration that is the same for all its seeds, and for no other one.

    The number of threads, which may change the last bits, does not count.

    Args:
        name: What is trained, such as "mlp 128-128 · 5 epochs · learning_rate 0.1".
        config: The composed configuration.
    """
    train = {key: value for key, value in config["train"].items() if key != "threads"}
    settings = [config["data"], config["prepare"], config["model"], train]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    return f"{' · '.join(name.split(' · ')[:2])} #{digest[:6]}"


def configuration(config: Tree, sections: Iterable[str] = RECORDED_SECTIONS) -> list[Record]:
    """Return records of a configuration: some sections as parameters, all of it as a file."""
    return [
        Params({section: config[section] for section in sections}),
        Text(dump(config), CONFIG_ARTIFACT),
    ]


def training_data(
    name: str,
    digest: str,
    pictures: Mapping[str, int],
    note: str | None,
    unseen_test: str | None = None,
) -> list[Record]:
    """Return records of the data that a network learns from.

    Args:
        name: The data set, such as "mnist".
        digest: SHA-256 of the prepared data, in hexadecimal.
        pictures: How many pictures each part has, by the part's name.
        note: A warning about the data, or None.
        unseen_test: The digest of a test part that the network's weights are known not to have
            seen.
    """
    tags = {DATA_NOTE_TAG: note, UNSEEN_TEST_TAG: unseen_test}
    known = {tag: value for tag, value in tags.items() if value}
    data = DatasetInput(name, digest, DATA_SOURCE, pictures)
    return [data, Tags(known)] if known else [data]


def epoch_metrics(epoch: Mapping[str, float]) -> Metrics:
    """Return the record of an epoch: a point on each curve.

    Args:
        epoch: Its number and its results: the fields of `pipeline.digits.training.state.Epoch`.
    """
    values = {curve: epoch[field] for field, curve in CURVES.items()}
    return Metrics(values, step=int(epoch["epoch"]))


def final_metrics(metrics: Mapping[str, float], training_seconds: float) -> Metrics:
    """Return the record of a trained network's metrics.

    Metrics that have a curve are left out: MLflow would plot them there as another epoch. So the
    accuracy of the weights kept has its own name.
    """
    curves = set(CURVES.values())
    single = {name: value for name, value in metrics.items() if name not in curves}
    kept = {CHOSEN_ACCURACY: metrics["val_accuracy"], "training_seconds": training_seconds}
    return Metrics(single | kept)


def failure(error: str) -> Tags:
    """Return tags that say why a training failed, in the run table and on the run's page."""
    return Tags({"error": error, DESCRIPTION_TAG: error})
