"""Define what the run of a training records, for stages and trials alike.

The functions take plain values and return records. No stage depends on this file in dvc.yaml, so
changing what a run records retrains nothing.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.config.params import dump
from pipeline.config.schema import Tracking
from pipeline.config.trees import Tree, bare_name
from pipeline.tracking.names import (
    CHOSEN_ACCURACY,
    CONFIG_ARTIFACT,
    CONFIGURATION_TAG,
    DATA_NOTE_TAG,
    DESCRIPTION_TAG,
    LAYER_PARAMS,
    LAYERS_PARAM,
    UNSEEN_TEST_TAG,
)
from pipeline.tracking.recording.learning import DatasetInput, EvaluationMetrics, Readings
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.records import (
    Metrics,
    Params,
    Record,
    Tags,
    Text,
)

RECORDED_SECTIONS = ("seed", "data", "prepare", "model", "train")
"""The sections of the configuration that are recorded as a training's parameters."""
DATA_SOURCE = "data/prepared"
HARDEST = "hardest validation digits"
"""The name of these pictures in MLflow's image grid."""
HARDEST_SHOWN = 8
LOOKED_AT = 1000
"""Of so many validation pictures, evenly spread, the hardest are shown."""
LOOKS = 4
"""How many times in a training."""
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
    settings = recorded_settings(config, sections)
    named = {LAYERS_PARAM: layers(config["model"])} if "model" in settings else {}
    return [
        Params(settings | named),
        Text(dump(config), CONFIG_ARTIFACT),
    ]


def layers(model: Tree) -> str:
    """Return a network's family and layer sizes, such as "mlp 256-128" or "cnn 16-32-64"."""
    keys = (key.removeprefix("model.") for key in LAYER_PARAMS)
    sizes: list[int] = next((model[key] for key in keys if key in model), [])
    return f"{bare_name(model['_target_'])} {'-'.join(map(str, sizes))}".strip()


def recorded_settings(config: Tree, sections: Iterable[str] = RECORDED_SECTIONS) -> Tree:
    """Return the sections of a configuration that are recorded as parameters."""
    return {section: config[section] for section in sections}


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
        unseen_test: The digest of a test set that the network's weights are known not to have
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
    values = {curve: epoch[field] for field, curve in CURVES.items() if field in epoch}
    return Metrics(values, step=int(epoch["epoch"]), at=epoch.get("ended") or time.time())


def final_metrics(metrics: Mapping[str, float], training_seconds: float | None = None) -> Metrics:
    """Return the record of a trained network's metrics.

    Metrics that have a curve are left out: MLflow would plot them there as another epoch. So the
    accuracy of the weights kept has its own name.
    """
    curves = set(CURVES.values())
    single = {name: value for name, value in metrics.items() if name not in curves}
    seconds = {} if training_seconds is None else {"training_seconds": round(training_seconds, 2)}
    return Metrics(single | {CHOSEN_ACCURACY: metrics["val_accuracy"]} | seconds)


def evaluation_metrics(
    metrics: Mapping[str, float], name: str, digest: str, pictures: int
) -> EvaluationMetrics:
    """Return the record of a network's figures on the test set.

    Args:
        metrics: The figures.
        name: The data set, such as "mnist".
        digest: SHA-256 of the test set, in hexadecimal.
        pictures: How many pictures that has.
    """
    source = f"{DATA_SOURCE}/test.npz"
    return EvaluationMetrics(metrics, f"{name}-test", digest, source, {"test": pictures})


def to_look_at(pictures: int) -> NDArray[np.int64]:
    """Return the rows of the validation pictures among which the hardest are looked for."""
    return np.linspace(0, pictures - 1, min(LOOKED_AT, pictures)).astype(np.int64)


def is_looked_at(epoch: int, epochs: int) -> bool:
    """Return whether the hardest pictures are shown after an epoch: LOOKS times, and at the end."""
    return epoch % -(-epochs // LOOKS) == 0 or epoch == epochs


def hardest_digits(
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    probabilities: NDArray[np.float32],
    class_names: Sequence[str],
    epoch: int,
) -> Readings:
    """Return the record of the pictures whose true class a network finds least likely.

    Args:
        images: (n, height, width).
        labels: (n,).
        probabilities: The network's answers, (n, classes).
        class_names: The name of each class, by label.
        epoch: The number of the epoch after which it gave them.
    """
    of_truth = probabilities[np.arange(len(labels)), labels]
    rows = np.argsort(of_truth, kind="stable")[:HARDEST_SHOWN]
    captions = [
        [
            f"is {class_names[labels[row]]}, {of_truth[row]:.0%} sure",
            f"read {class_names[probabilities[row].argmax()]}, {probabilities[row].max():.0%}",
        ]
        for row in rows
    ]
    return Readings(HARDEST, epoch, images[rows].tolist(), captions)


def failure(error: str) -> Tags:
    """Return tags that say why a training failed, in the run table and on the run's page."""
    return Tags({"error": error, DESCRIPTION_TAG: error})
