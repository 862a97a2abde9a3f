"""Beside stage 2: train the network that reads rows of touching digits, if one is asked for.

`python -m pipeline.stages.train_rows rows.epochs=8` writes models/rows/ and reports/train-rows/.
Run again after an interruption, it goes on from the last finished epoch.
"""

import logging
import shutil
from pathlib import Path

import numpy as np

from pipeline.cli.command import run_stage
from pipeline.config.places import METRICS_NAME, ROWS_FILE, ROWS_MODEL, RUN_ID_NAME, report_dir
from pipeline.config.schema import Config
from pipeline.config.targets import call_target
from pipeline.config.trees import Tree
from pipeline.digits.inference.classifier import TEMPERATURE
from pipeline.digits.recognition.rows import find_middles
from pipeline.digits.row_training.composing import digits_of
from pipeline.digits.row_training.fit import (
    RowEpoch,
    RowPlan,
    RowTraining,
    fit_rows,
    row_temperature,
    share_read,
)
from pipeline.digits.splits import DIGIT_NAMES, Split, load_split
from pipeline.digits.training.export import export_onnx
from pipeline.digits.training.start.tensorflow import start_tensorflow
from pipeline.stages.fingerprint import rows_fingerprint
from pipeline.stages.prepared import DatasetInfo, split_file
from pipeline.stages.recording import training_run
from pipeline.stages.training_report import RowExamples
from pipeline.system.errors import InputError
from pipeline.system.files import write_json, write_text
from pipeline.system.progress import progress
from pipeline.tracking.names import rows_experiment
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import Recorder
from pipeline.tracking.recording.records import File, Metrics, Params
from pipeline.tracking.trainings import configuration, training_data

log = logging.getLogger(__name__)

STAGE = "train-rows"
SETTINGS_NAME = "settings.json"
SHOWN = 24


def run(config: Config) -> None:
    """Train, save and record the network, or make sure that there is none."""
    if not config.rows.epochs:
        _leave_none()
        log.info("rows.epochs=0: no network for digits that touch; they are cut apart")
        return
    info = DatasetInfo.load()
    train, validation = load_split(split_file("train")), load_split(split_file("validation"))
    _refuse_others(info, train)
    start_tensorflow(config.train.threads)
    key = rows_fingerprint(config, info.digest, STAGE)
    with training_run(config, run_request(config), key) as (recorder, checkpoint):
        _record_setup(recorder, config, info, train, validation)
        training = learn(train, validation, config, recorder, checkpoint)
        metrics = measure(training)
        metadata = {TEMPERATURE: repr(metrics["temperature"])}
        export_onnx(training.model, ROWS_FILE, training.rows.images[:SHOWN], metadata)
        write_json(ROWS_MODEL / SETTINGS_NAME, config.rows.model_dump())
        write_text(ROWS_MODEL / RUN_ID_NAME, recorder.run_id() + "\n")
        files = report(training, metrics, describe(config))
        recorder.record(Metrics({name: metrics[name] for name in ("parameters", "temperature")}))
        recorder.record(*File.each([*files, ROWS_FILE], STAGE))
    log.info("%.1f %% of the rows of validation digits right", 100 * metrics["val_rows_right"])


def _leave_none() -> None:
    """Remove the network and its report; DVC wants both folders, and neither of them empty."""
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
    raise InputError(f"rows.epochs: {reason}, so no rows can be composed; set rows.epochs=0")


def learn(
    train: Split, validation: Split, config: Config, recorder: Recorder, checkpoint: Path | None
) -> RowTraining:
    """Train the network as configured, recording every epoch as it ends."""
    file = checkpoint / "rows.keras" if checkpoint else None
    with progress(config.rows.epochs, "epoch") as shown:

        def on_epoch(epoch: RowEpoch) -> None:
            right = epoch.val_rows_right
            curves = {"train_loss": epoch.loss, "val_rows_right": right}
            recorder.record(Metrics(curves, step=epoch.epoch))
            text = f"loss {epoch.loss:.4f}, {100 * right:.1f} % of the validation rows right"
            shown.step(text, by=epoch.epoch - shown.done)

        return fit_rows(train, validation, row_plan(config), file, on_epoch)


def row_plan(config: Config) -> RowPlan:
    """Return the part of the configuration that decides how the network learns."""
    settings = config.rows
    return RowPlan(
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        seed=config.seed,
        distortion=call_target(settings.distortion),
        drawn_share=settings.drawn_share,
    )


def measure(training: RowTraining) -> Tree:
    """Return the metrics of the training: the share of rows right, the size, the temperature."""
    return {
        "val_rows_right": share_read(training.rows, training.answers),
        "parameters": training.model.count_params(),
        "temperature": row_temperature(training.rows, training.answers),
    }


def report(training: RowTraining, metrics: Tree, title: str) -> list[Path]:
    """Write the metrics, and some rows with what is read in them; evaluate draws those."""
    folder = report_dir(STAGE)
    write_json(folder / METRICS_NAME, metrics)
    return [folder / METRICS_NAME, _examples(training, title).save(folder)]


def _examples(training: RowTraining, title: str) -> RowExamples:
    found = [
        (row, each.middle, int(each.probabilities.argmax()))
        for row, answer in enumerate(training.answers[:SHOWN])
        for each in find_middles(answer)
    ]
    return RowExamples(
        title,
        training.rows.images[:SHOWN],
        ["".join(map(str, digits_of(labels))) for labels in training.rows.labels[:SHOWN]],
        np.array(found, np.float64).reshape(-1, 3),
    )


def describe(config: Config) -> str:
    """Say what is trained in a few words."""
    epochs = config.rows.epochs
    return f"rows · {epochs} epoch{'s' if epochs > 1 else ''}"


def run_request(config: Config) -> RunRequest:
    """Say what the MLflow run of this training is called."""
    return RunRequest(rows_experiment(config.tracking), describe(config), {"stage": STAGE})


def _record_setup(
    recorder: Recorder, config: Config, info: DatasetInfo, train: Split, validation: Split
) -> None:
    pictures = {"train": len(train), "validation": len(validation)}
    recorder.record(*configuration(config.model_dump(), ("seed", "data", "prepare", "rows")))
    recorder.record(Params({"train": {"threads": config.train.threads}}))
    recorder.record(*training_data(info.name, info.digest, pictures, info.note))


def main() -> None:
    """Run the stage from the command line."""
    run_stage(run, __doc__)


if __name__ == "__main__":
    main()
