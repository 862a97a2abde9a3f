"""Stage 2: train the configured network on the prepared data.

`digits train [KEY=VALUE …]` writes models/ and reports/train/. After an interruption, the same
command continues from the last finished epoch.
"""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.cli.command import run_stage
from pipeline.config.places import (
    KERAS_FILE,
    METRICS_NAME,
    MODELS,
    ONNX_FILE,
    RUN_ID_NAME,
    SETTINGS_FILE,
    report_dir,
    summary_file,
)
from pipeline.config.schema import Config
from pipeline.config.trees import Tree
from pipeline.digits.splits import Split, load_split
from pipeline.digits.training.export import make_reproducible
from pipeline.digits.training.state import Epoch, Training, kept_epochs
from pipeline.inventory.digests import note_digests
from pipeline.stages.fingerprint import fingerprint
from pipeline.stages.network import (
    build,
    describe,
    export,
    keep_reference,
    learn,
    measure,
    metadata,
)
from pipeline.stages.prepared import DatasetInfo, split_file
from pipeline.stages.training_report import write_history
from pipeline.stages.training_run import data_records, training_run
from pipeline.system.files import (
    copy_file,
    replace_together,
    write_json,
    write_text,
)
from pipeline.system.progress import progress
from pipeline.tracking.recording.learning import KerasModel, Readings
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import Recorder
from pipeline.tracking.recording.records import File
from pipeline.tracking.training_records import (
    configuration,
    epoch_metrics,
    final_metrics,
    hardest_digits,
    is_looked_at,
    recorded_settings,
    to_look_at,
    training_request,
)

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

STAGE = "train"
KEY_METRICS = ("val_accuracy", "val_loss", "chosen_epoch", "parameters")
"""The metrics in DVC's tables."""


def run(config: Config) -> None:
    """Train, save and record one network."""
    info = DatasetInfo.load()
    train, validation = load_split(split_file("train")), load_split(split_file("validation"))
    model = build(config, train, len(info.class_names))
    key = fingerprint(config, info.digest, STAGE)
    with training_run(config, run_request(config), key) as (recorder, checkpoint):
        recorder.record(*configuration(config.model_dump()), *data_records(config))
        looked_at = validation.take(to_look_at(len(validation)))
        shown_before = kept_epochs(checkpoint)
        with progress(config.train.epochs, "epoch") as shown:

            def on_epoch(epoch: Epoch) -> None:
                recorder.record(epoch_metrics(asdict(epoch)))
                # The weights of a resumed training are those of the last epoch it ended with.
                if epoch.epoch > shown_before and is_looked_at(epoch.epoch, config.train.epochs):
                    recorder.record(_hardest(model, looked_at, info.class_names, epoch.epoch))
                shown.step(_in_words(epoch))

            training = learn(model, train, validation, config, on_epoch, checkpoint)
        metrics = measure(model, validation, training, config)
        about, run_id = metadata(metrics, config, info.note), recorder.run_id()
        with save(model, train, validation, about) as saved, replace_together(last=ONNX_FILE):
            for file in saved:
                copy_file(file, MODELS / file.name)
            write_text(MODELS / RUN_ID_NAME, run_id + "\n")
            write_json(SETTINGS_FILE, recorded_settings(config.model_dump()))
            files = report(training, metrics, describe(config))
        _record_outcome(recorder, metrics, training, [*files, ONNX_FILE])
        example = validation.images[0].tolist()
        recorder.record(KerasModel.at(KERAS_FILE, model.output_shape[1:], example))
    log.info(
        "%s: validation accuracy %.2f %%",
        describe(config),
        100 * metrics["val_accuracy"],
    )


def _hardest(
    model: "keras.Model", looked_at: Split, class_names: list[str], epoch: int
) -> Readings:
    """Read some pictures with the weights of this moment; return the record of the hardest."""
    answers = np.asarray(model(looked_at.images, training=False))
    return hardest_digits(looked_at.images, looked_at.labels, answers, class_names, epoch)


def _in_words(epoch: Epoch) -> str:
    accuracy = 100 * epoch.val_accuracy
    return f"loss {epoch.loss:.4f}, validation accuracy {accuracy:.2f} %, {epoch.seconds:.1f} s"


@contextmanager
def save(
    model: "keras.Model", train: Split, validation: Split, metadata: dict[str, str]
) -> Iterator[list[Path]]:
    """Save the network as Keras and as ONNX in a folder of the block; check that both agree."""
    with tempfile.TemporaryDirectory() as folder:
        keras_file, onnx_file = (Path(folder) / file.name for file in (KERAS_FILE, ONNX_FILE))
        model.save(keras_file)
        make_reproducible(keras_file)
        difference = export(model, onnx_file, train, metadata)
        keep_reference(onnx_file, validation, metadata)
        log.info("Keras and ONNX agree: largest difference %.1e", difference)
        yield [keras_file, onnx_file, note_digests(Path(folder), keras_file, onnx_file)]


def report(training: Training, metrics: Tree, title: str) -> list[Path]:
    """Write the metrics and the history of the epochs; evaluate draws the learning curves."""
    folder = report_dir(STAGE)
    write_json(folder / METRICS_NAME, metrics)
    write_json(summary_file(STAGE), {name: metrics[name] for name in KEY_METRICS})
    history = write_history(folder, [asdict(epoch) for epoch in training.history], title)
    return [folder / METRICS_NAME, history]


def run_request(config: Config) -> RunRequest:
    """Return the request for the MLflow run of this training."""
    return training_request(config.tracking, describe(config), STAGE, config.model_dump())


def _record_outcome(
    recorder: Recorder, metrics: Tree, training: Training, files: list[Path]
) -> None:
    seconds = sum(epoch.seconds for epoch in training.history)
    recorder.record(final_metrics(metrics, seconds))
    recorder.record(*File.each(files, STAGE))


def main() -> None:
    """Run the stage from the command line."""
    run_stage(run, __doc__)


if __name__ == "__main__":
    main()
