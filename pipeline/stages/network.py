"""Build, train, measure and export the configured network, for the train stage and for trials."""

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.config.schema import Config, Tracking
from pipeline.config.targets import call_target
from pipeline.config.trees import Tree, bare_name
from pipeline.digits.inference.classifier import (
    ENERGY,
    NOTE,
    REFERENCE,
    TEMPERATURE,
    TITLE,
    VIEWS,
    Classifier,
)
from pipeline.digits.inference.drift import Reference
from pipeline.digits.inference.metrics import accuracy, cross_entropy, fit_temperature
from pipeline.digits.inference.views import mean_answer
from pipeline.digits.splits import Split
from pipeline.digits.training.export import add_logits, add_metadata, export_onnx
from pipeline.digits.training.fit import OnEpoch, fit
from pipeline.digits.training.plan import TrainingPlan
from pipeline.digits.training.sharing import SharedPictures
from pipeline.digits.training.start.tensorflow import start_tensorflow
from pipeline.digits.training.state import Training
from pipeline.digits.training.steps import steps_per_epoch
from pipeline.digits.training.transfer import take_weights, weights_file
from pipeline.tracking.models import fetch_keras_model

if TYPE_CHECKING:
    import keras

EXPORT_CHECK_PICTURES = 256
REFERENCE_PICTURES = 2000
LOW_ENERGY = 0.05
"""Share of the validation pictures whose energy is lower than the one that is kept."""


def describe(config: Config) -> str:
    """Return what is trained in a few words, such as "mlp 128-128 · 5 epochs"."""
    sizes = next((value for value in config.model.values() if isinstance(value, list)), [])
    family = bare_name(config.model["_target_"])
    shape = " ".join([family, "-".join(str(size) for size in sizes)]).strip()
    epochs = config.train.epochs
    return f"{shape} · {epochs} epoch{'s' if epochs > 1 else ''}"


def build(config: Config, train: Split, classes: int) -> "keras.Model":
    """Start TensorFlow and build the configured network; the same seed gives the same weights."""
    start_tensorflow(config.train.threads)
    import keras

    keras.utils.set_random_seed(config.seed)
    model: keras.Model = call_target(
        config.model, input_shape=train.images.shape[1:], classes=classes
    )
    if config.train.init_from:
        _initialise(model, config.train.init_from, config.tracking)
    return model


def _initialise(model: "keras.Model", init_from: str, tracking: Tracking) -> None:
    """Load the initial weights from a .keras file or from an MLflow run."""
    with tempfile.TemporaryDirectory() as folder:
        file = weights_file(init_from) or fetch_keras_model(tracking, init_from, Path(folder))
        take_weights(model, file)


def learn(
    model: "keras.Model",
    train: Split,
    validation: Split,
    config: Config,
    on_epoch: OnEpoch | None = None,
    checkpoint: Path | None = None,
    shared: SharedPictures | None = None,
) -> Training:
    """Train the network in place as configured.

    Args:
        model: What `build` returned.
        train: The pictures to learn from.
        validation: The pictures to measure on after every epoch.
        config: The configuration.
        on_epoch: Called with the record of every epoch as it ends.
        checkpoint: A folder for the state; an interrupted training is resumed from it.
        shared: Where trainings with the same pictures share them; None if they do not.
    """
    optimizer = _optimizer(config, len(train))
    plan = training_plan(config)
    return fit(model, optimizer, train, validation, plan, checkpoint, on_epoch, shared)


def training_plan(config: Config) -> TrainingPlan:
    """Return the part of the configuration that decides how the network learns."""
    settings = config.train
    return TrainingPlan(
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        seed=config.seed,
        distortion=call_target(settings.distortion),
        drawn_share=settings.drawn_share,
        other_share=settings.other_share,
        sharpness_radius=settings.sharpness_radius,
        jit_compile=settings.jit_compile,
        patience=settings.early_stopping_patience,
    )


def _optimizer(config: Config, pictures: int) -> "keras.optimizers.Optimizer":
    settings = config.train
    schedule = call_target(
        settings.schedule,
        learning_rate=settings.learning_rate,
        total_steps=settings.epochs * steps_per_epoch(pictures, settings.batch_size),
    )
    optimizer: keras.optimizers.Optimizer = call_target(settings.optimizer, learning_rate=schedule)
    return optimizer


def measure(model: "keras.Model", validation: Split, training: Training, config: Config) -> Tree:
    """Return the metrics of a training: losses in nats, accuracies as shares, the temperature.

    Losses are of uncalibrated probabilities; evaluate's `test_loss` is of calibrated ones.
    """
    predict = partial(model.predict, batch_size=1000, verbose=0)
    if config.train.test_time_augmentation:
        probabilities = mean_answer(validation.images, predict)
    else:
        probabilities = predict(validation.images)
    chosen = training.history[training.chosen_epoch - 1]
    return {
        "val_accuracy": accuracy(validation.labels, probabilities),
        "val_loss": cross_entropy(validation.labels, probabilities),
        "train_accuracy": chosen.accuracy,
        "train_loss": chosen.loss,
        "chosen_epoch": training.chosen_epoch,
        "parameters": model.count_params(),
        "temperature": fit_temperature(validation.labels, probabilities),
    }


def metadata(metrics: Tree, config: Config, note: str | None) -> dict[str, str]:
    """Return the metadata of the ONNX file, which say how to use the network."""
    return {
        TEMPERATURE: repr(metrics["temperature"]),
        NOTE: note or "",
        TITLE: describe(config),
        VIEWS: "several" if config.train.test_time_augmentation else "one",
    }


def export(model: "keras.Model", path: Path, train: Split, metadata: dict[str, str]) -> float:
    """Write the network as ONNX; return the largest difference from Keras in a probability."""
    difference = export_onnx(model, path, train.images[:EXPORT_CHECK_PICTURES], metadata)
    add_logits(path)
    return difference


def keep_reference(path: Path, validation: Split, metadata: dict[str, str]) -> None:
    """Write into a network's ONNX file what pictures of the training data's kind are like.

    Args:
        path: The file.
        validation: Pictures that the network did not learn from.
        metadata: What the file holds already.
    """
    classifier, images = Classifier.load(path, threads=1), validation.images[:REFERENCE_PICTURES]
    found = {}
    if np.isfinite(energies := classifier.energies(images)).all():
        found[ENERGY] = repr(float(np.quantile(energies, LOW_ENERGY)))
    if reference := Reference.of(images, classifier.probabilities(images)):
        found[REFERENCE] = reference.to_text()
    add_metadata(path, metadata | found)
