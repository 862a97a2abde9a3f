"""Stage 2: train the configured network on the prepared data.

`python -m pipeline.stages.train [KEY=VALUE …]` writes models/ and reports/train/. Run again after
an interruption, it goes on from the last finished epoch.
"""

import hashlib
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from pipeline.cli.command import run_stage
from pipeline.config.places import (
    KERAS_FILE,
    METRICS_NAME,
    MODELS,
    ONNX_FILE,
    RUN_ID_NAME,
    home,
    report_dir,
)
from pipeline.config.schema import Config, Tracking
from pipeline.config.targets import call_target
from pipeline.config.trees import Tree, bare_name
from pipeline.digits.inference.classifier import NOTE, TEMPERATURE, VIEWS
from pipeline.digits.inference.metrics import accuracy, cross_entropy, fit_temperature
from pipeline.digits.inference.views import mean_answer
from pipeline.digits.splits import Split, digest, load_split
from pipeline.digits.training.export import export_onnx
from pipeline.digits.training.fit import fit
from pipeline.digits.training.state import Epoch, Training
from pipeline.digits.training.steps import steps_per_epoch
from pipeline.digits.training.tensorflow_start import start_tensorflow
from pipeline.digits.training.transfer import take_weights
from pipeline.stages.fingerprint import code_digest
from pipeline.stages.prepared import DatasetInfo, split_file
from pipeline.system.files import (
    own_folder,
    replace_when_written,
    write_csv,
    write_json,
    write_text,
)
from pipeline.tracking.models import fetch_keras_model, unseen_test_digest
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import Recorder, new_run
from pipeline.tracking.recording.records import File, KerasModel, Monitor
from pipeline.tracking.run_ids import begun_run_id
from pipeline.tracking.trainings import (
    configuration,
    epoch_metrics,
    final_metrics,
    training_data,
    training_request,
)

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

STAGE = "train"
EXPORT_CHECK_PICTURES = 256


def run(config: Config) -> None:
    """Train, save and record one network."""
    info = DatasetInfo.load()
    train, validation = load_split(split_file("train")), load_split(split_file("validation"))
    model = build(config, train, len(info.class_names))
    with (
        own_folder(checkpoint_dir(config, info)) as checkpoint,
        new_run(config.tracking, run_request(config), begun_run_id(checkpoint)) as recorder,
    ):
        _record_setup(recorder, config, info, train, validation)
        if checkpoint:
            recorder.keep_run_id(checkpoint / RUN_ID_NAME)
        recorder.record(Monitor())
        with _progress(config.train.epochs) as show:

            def on_epoch(epoch: Epoch) -> None:
                recorder.record(epoch_metrics(asdict(epoch)))
                show(epoch)

            training = learn(model, train, validation, config, on_epoch, checkpoint)
        metrics = measure(model, validation, training, config)
        save(model, train, metadata(metrics, config, info.note))
        write_text(MODELS / RUN_ID_NAME, recorder.run_id() + "\n")
        files = report(training, metrics, describe(config), info.note)
        _record_outcome(recorder, model, metrics, training, [*files, ONNX_FILE])
    log.info(
        "%s: %.2f %% of the validation pictures right",
        describe(config),
        100 * metrics["val_accuracy"],
    )


def build(config: Config, train: Split, classes: int) -> "keras.Model":
    """Build the configured network for the data at hand, the same for the same seed."""
    start_tensorflow(config.train.threads)
    import keras

    keras.utils.set_random_seed(config.seed)
    model: keras.Model = call_target(
        config.model, input_shape=train.images.shape[1:], classes=classes
    )
    if config.train.init_from:
        initialise(model, config.train.init_from, config.tracking)
    return model


def initialise(model: "keras.Model", init_from: str, tracking: Tracking) -> None:
    """Start from the weights in a .keras file, or from those that an MLflow run kept."""
    file = _weights_file(init_from)
    with tempfile.TemporaryDirectory() as folder:
        if not file.is_file():
            file = fetch_keras_model(tracking, init_from, Path(folder))
        take_weights(model, file)


def _weights_file(init_from: str) -> Path:
    return Path(init_from).expanduser()


def learn(
    model: "keras.Model",
    train: Split,
    validation: Split,
    config: Config,
    on_epoch: Callable[[Epoch], None] | None = None,
    checkpoint: Path | None = None,
) -> Training:
    """Train the network in place as configured, telling of every epoch as it ends.

    With a folder for checkpoints, an interrupted training of the same configuration is resumed.
    """
    settings = config.train
    total_steps = settings.epochs * steps_per_epoch(len(train), settings.batch_size)
    schedule = call_target(
        settings.schedule, learning_rate=settings.learning_rate, total_steps=total_steps
    )
    optimizer = call_target(settings.optimizer, learning_rate=schedule)

    return fit(
        model,
        train,
        validation,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        optimizer=optimizer,
        seed=config.seed,
        distortion=call_target(settings.distortion),
        drawn_share=settings.drawn_share,
        other_share=settings.other_share,
        sharpness_radius=settings.sharpness_radius,
        jit_compile=settings.jit_compile,
        patience=settings.early_stopping_patience,
        checkpoint_dir=checkpoint,
        on_epoch=on_epoch,
    )


def measure(model: "keras.Model", validation: Split, training: Training, config: Config) -> Tree:
    """Return the stage's metrics: losses in nats, accuracies as shares, the calibration found.

    Losses are of what the network says by itself; `test_loss` of evaluate is of calibrated answers.
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
    """Return what the ONNX file says of how its network is to be used."""
    return {
        TEMPERATURE: repr(metrics["temperature"]),
        NOTE: note or "",
        VIEWS: "several" if config.train.test_time_augmentation else "one",
    }


def save(model: "keras.Model", train: Split, metadata: dict[str, str]) -> None:
    """Leave the network as Keras and as ONNX, after making sure that both answer alike."""
    with replace_when_written(KERAS_FILE) as temporary:
        model.save(temporary)
    difference = export(model, ONNX_FILE, train, metadata)
    log.info("Keras and ONNX answer alike: largest difference %.1e", difference)


def export(model: "keras.Model", path: Path, train: Split, metadata: dict[str, str]) -> float:
    """Write the network as ONNX; return the largest difference of a probability from Keras's."""
    return export_onnx(model, path, train.images[:EXPORT_CHECK_PICTURES], metadata)


def report(training: Training, metrics: Tree, title: str, note: str | None) -> list[Path]:
    """Write metrics, the history of the epochs and the learning curves."""
    from pipeline.plots.style.page import save_figure
    from pipeline.plots.train import learning_curves

    folder = report_dir(STAGE)
    files = [folder / METRICS_NAME, folder / "history.csv", folder / "learning_curves.png"]
    write_json(files[0], metrics)
    history = [asdict(epoch) for epoch in training.history]
    columns = [column for column in history[0] if column != "seconds"]
    write_csv(files[1], columns, ([row[column] for column in columns] for row in history))
    save_figure(learning_curves(history, training.chosen_epoch, title, note), files[2])
    return files


def describe(config: Config) -> str:
    """Say what is trained in a few words, such as "mlp 128-128 · 5 epochs"."""
    sizes = next((value for value in config.model.values() if isinstance(value, list)), [])
    family = bare_name(config.model["_target_"])
    shape = " ".join([family, "-".join(str(size) for size in sizes)]).strip()
    epochs = config.train.epochs
    return f"{shape} · {epochs} epoch{'s' if epochs > 1 else ''}"


def run_request(config: Config) -> RunRequest:
    """Say what the MLflow run of this training is called."""
    return training_request(config.tracking, describe(config), STAGE, config.model_dump())


def checkpoint_dir(config: Config, info: DatasetInfo) -> Path:
    """Return the place where the state of exactly this training is kept until it has ended well."""
    return home() / ".checkpoints" / fingerprint(config, info.digest, STAGE)


def fingerprint(config: Config, data_digest: str, *stages: str) -> str:
    """Tell trainings apart as DVC does, by configuration, data and the code of stages.

    And by the contents of the weights they start from, where those are a file.
    """
    settings = [config.seed, config.model, config.train.model_dump(), data_digest]
    if config.train.init_from and (file := _weights_file(config.train.init_from)).is_file():
        settings.append(hashlib.sha256(file.read_bytes()).hexdigest())
    text = json.dumps([*settings, code_digest(*stages)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def _progress(epochs: int) -> Iterator[Callable[[Epoch], None]]:
    """Offer a function that shows every finished epoch: a bar on a terminal, else lines."""
    with tqdm(total=epochs, unit="epoch", disable=not sys.stderr.isatty()) as bar:

        def show(epoch: Epoch) -> None:
            text = f"loss {epoch.loss:.4f}, validation accuracy {100 * epoch.val_accuracy:.2f} %"
            bar.set_postfix_str(text)
            bar.update()
            if bar.disable:
                log.info("epoch %d/%d: %s, %.1f s", epoch.epoch, epochs, text, epoch.seconds)

        yield show


def _record_setup(
    recorder: Recorder, config: Config, info: DatasetInfo, train: Split, validation: Split
) -> None:
    tree = config.model_dump()
    recorder.record(*configuration(tree))
    pictures = {"train": len(train), "validation": len(validation)}
    unseen = unseen_test_part(config)
    recorder.record(*training_data(info.name, info.digest, pictures, info.note, unseen))


def unseen_test_part(config: Config) -> str | None:
    """Return the digest of the prepared test part, if the network is known not to have met it.

    Its own training never does. The weights that it starts from may have: not those of a run that
    tells of the same test part, but those in a file may come from anywhere.
    """
    prepared = digest([load_split(split_file("test"))])
    start = config.train.init_from
    if start is None:
        return prepared
    if _weights_file(start).is_file():
        return None
    return prepared if unseen_test_digest(config.tracking, start) == prepared else None


def _record_outcome(
    recorder: Recorder,
    model: "keras.Model",
    metrics: Tree,
    training: Training,
    files: list[Path],
) -> None:
    seconds = sum(epoch.seconds for epoch in training.history)
    recorder.record(final_metrics(metrics, seconds))
    recorder.record(*File.each(files, STAGE))
    recorder.record(KerasModel.at(KERAS_FILE, model.input_shape[1:], model.output_shape[1:]))


def main() -> None:
    """Run the stage from the command line."""
    run_stage(run, __doc__)


if __name__ == "__main__":
    main()
