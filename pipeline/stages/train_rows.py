"""Beside stage 2: train the network that reads rows of touching digits, if one is asked for.

`python -m pipeline.stages.train_rows rows.epochs=8` writes models/rows/ and reports/train-rows/.
Run again after an interruption, it goes on from the last finished epoch.
"""

import hashlib
import json
import logging
import shutil
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.command import run_stage
from pipeline.config.places import (
    METRICS_NAME,
    ROWS_FILE,
    ROWS_MODEL,
    RUN_ID_NAME,
    home,
    report_dir,
)
from pipeline.config.schema import Config
from pipeline.config.targets import call_target
from pipeline.config.trees import Tree
from pipeline.digits.inference.classifier import TEMPERATURE
from pipeline.digits.recognition.rows import find_middles
from pipeline.digits.row_training.composing import digits_of
from pipeline.digits.row_training.fit import (
    RowEpoch,
    RowTraining,
    fit_rows,
    row_temperature,
    share_read,
)
from pipeline.digits.splits import DIGIT_NAMES, Split, load_split
from pipeline.digits.training.export import export_onnx
from pipeline.digits.training.tensorflow_start import start_tensorflow
from pipeline.stages.fingerprint import code_digest
from pipeline.stages.prepared import DatasetInfo, split_file
from pipeline.system.errors import InputError
from pipeline.system.files import own_folder, write_json, write_text
from pipeline.tracking.names import rows_experiment
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import Recorder, new_run
from pipeline.tracking.recording.records import File, Metrics, Monitor, Params
from pipeline.tracking.run_ids import begun_run_id
from pipeline.tracking.trainings import configuration, training_data

if TYPE_CHECKING:
    from pipeline.plots.train_rows import RowItem

log = logging.getLogger(__name__)

STAGE = "train-rows"
PLOT_NAME = "rows.png"
SETTINGS_NAME = "settings.json"
SHOWN = 24


def run(config: Config) -> None:
    """Train, save and record the network, or see to it that there is none."""
    if not config.rows.epochs:
        _leave_none()
        log.info("rows.epochs=0: no network for digits that touch; they are cut apart")
        return
    info = DatasetInfo.load()
    train, validation = load_split(split_file("train")), load_split(split_file("validation"))
    _refuse_others(info, train)
    folder = home() / ".checkpoints" / fingerprint(config, info.digest)
    start_tensorflow(config.train.threads)
    with (
        own_folder(folder) as checkpoint,
        new_run(config.tracking, run_request(config), begun_run_id(checkpoint)) as recorder,
    ):
        _record_setup(recorder, config, info, train, validation)
        if checkpoint:
            recorder.keep_run_id(checkpoint / RUN_ID_NAME)
        recorder.record(Monitor())
        training = learn(train, validation, config, recorder, checkpoint)
        metrics = measure(training)
        metadata = {TEMPERATURE: repr(metrics["temperature"])}
        export_onnx(training.model, ROWS_FILE, training.rows.images[:SHOWN], metadata)
        write_json(ROWS_MODEL / SETTINGS_NAME, config.rows.model_dump())
        write_text(ROWS_MODEL / RUN_ID_NAME, recorder.run_id() + "\n")
        files = report(training, metrics, config, info.note)
        recorder.record(Metrics({name: metrics[name] for name in ("parameters", "temperature")}))
        recorder.record(*File.each([*files, ROWS_FILE], STAGE))
    log.info("%.1f %% of the rows of validation digits right", 100 * metrics["val_rows_right"])


def _leave_none() -> None:
    """Remove the network and what was told of it; DVC wants the two folders, and not empty."""
    for folder in (ROWS_MODEL, report_dir(STAGE)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    write_json(ROWS_MODEL / SETTINGS_NAME, {"epochs": 0})
    write_json(report_dir(STAGE) / METRICS_NAME, {})


def _refuse_others(info: DatasetInfo, train: Split) -> None:
    height, width = train.images.shape[1:]
    if info.class_names != list(DIGIT_NAMES):
        reason = f"the classes of {info.name} are not the digits 0 to 9"
    elif (height, width) != (28, 28):
        reason = f"the pictures of {info.name} are {width} x {height} pixels, not 28 x 28"
    else:
        return
    raise InputError(f"rows.epochs: {reason}, and of them no rows are composed; set rows.epochs=0")


def learn(
    train: Split, validation: Split, config: Config, recorder: Recorder, checkpoint: Path | None
) -> RowTraining:
    """Train the network as configured, recording every epoch as it ends."""
    settings = config.rows

    def on_epoch(epoch: RowEpoch) -> None:
        recorder.record(
            Metrics(
                {"train_loss": epoch.loss, "val_rows_right": epoch.val_rows_right}, step=epoch.epoch
            )
        )
        log.info(
            "epoch %d/%d: loss %.4f, %.1f %% of the validation rows right",
            epoch.epoch, settings.epochs, epoch.loss, 100 * epoch.val_rows_right,
        )  # fmt: skip

    return fit_rows(
        train,
        validation,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        seed=config.seed,
        distortion=call_target(settings.distortion),
        drawn_share=settings.drawn_share,
        checkpoint=checkpoint / "rows.keras" if checkpoint else None,
        on_epoch=on_epoch,
    )


def measure(training: RowTraining) -> Tree:
    """Return the stage's metrics: a share of rows, and the calibration found."""
    return {
        "val_rows_right": share_read(training.rows, training.answers),
        "parameters": training.model.count_params(),
        "temperature": row_temperature(training.rows, training.answers),
    }


def report(training: RowTraining, metrics: Tree, config: Config, note: str | None) -> list[Path]:
    """Write the metrics, and draw some rows with what is read in them."""
    from pipeline.plots.style.page import save_figure
    from pipeline.plots.train_rows import row_grid

    folder = report_dir(STAGE)
    files = [folder / METRICS_NAME, folder / PLOT_NAME]
    write_json(files[0], metrics)
    save_figure(row_grid(_items(training), describe(config), note), files[1])
    return files


def _items(training: RowTraining) -> "list[RowItem]":
    from pipeline.plots.train_rows import RowItem

    shown = zip(training.rows.images, training.rows.labels, training.answers, strict=True)
    return [
        RowItem(
            image,
            [(each.middle, int(each.probabilities.argmax())) for each in find_middles(answer)],
            digits_of(labels),
        )
        for image, labels, answer in islice(shown, SHOWN)
    ]


def describe(config: Config) -> str:
    """Say what is trained in a few words."""
    epochs = config.rows.epochs
    return f"rows · {epochs} epoch{'s' if epochs > 1 else ''}"


def run_request(config: Config) -> RunRequest:
    """Say what the MLflow run of this training is called."""
    return RunRequest(rows_experiment(config.tracking), describe(config), {"stage": STAGE})


def fingerprint(config: Config, data_digest: str) -> str:
    """Tell trainings apart by what DVC tells them apart by: configuration, data and code."""
    settings = [config.seed, config.rows.model_dump(), config.train.threads, data_digest]
    text = json.dumps([*settings, code_digest(STAGE)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _record_setup(
    recorder: Recorder, config: Config, info: DatasetInfo, train: Split, validation: Split
) -> None:
    tree = config.model_dump()
    recorder.record(*configuration(tree, ("seed", "data", "prepare", "rows")))
    recorder.record(Params({"train": {"threads": config.train.threads}}))
    pictures = {"train": len(train), "validation": len(validation)}
    recorder.record(*training_data(info.name, info.digest, pictures, info.note))


def main() -> None:
    """Run the stage from the command line."""
    run_stage(run, __doc__)


if __name__ == "__main__":
    main()
