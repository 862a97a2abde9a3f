"""Beside stage 2: train the network that reads whole lines of digits, if one is asked for.

`digits train-lines lines.rounds=120` writes models/lines/ and
reports/train-lines/. Run again after an interruption, it goes on from the last finished round.
"""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.cli.command import run_stage
from pipeline.config.places import (
    LINES_FILE,
    LINES_MODEL,
    METRICS_NAME,
    RUN_ID_NAME,
    report_dir,
    summary_file,
)
from pipeline.config.schema import Config
from pipeline.config.trees import Tree
from pipeline.digits.inference.classifier import NOTE, TITLE
from pipeline.digits.line_training.calibration import (
    HeldOutReading,
    fit_calibration,
    hold_out,
    read_held_out,
)
from pipeline.digits.line_training.fit import LinePlan, Round, fit_lines
from pipeline.digits.recognition.lines.reader import OFFSET, SLOPE, LineReader
from pipeline.digits.splits import DIGIT_NAMES, Split, load_split
from pipeline.digits.training.export import add_metadata, export_onnx
from pipeline.digits.training.start.tensorflow import start_tensorflow
from pipeline.inventory.digests import note_digests
from pipeline.stages.fingerprint import lines_fingerprint
from pipeline.stages.prepared import DatasetInfo, split_file
from pipeline.stages.training_report import LineExamples
from pipeline.stages.training_run import training_run
from pipeline.system.errors import InputError
from pipeline.system.files import replace_when_written, write_json, write_text
from pipeline.system.progress import progress, track
from pipeline.tracking.names import lines_experiment
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import Recorder
from pipeline.tracking.recording.records import File, Metrics, Params
from pipeline.tracking.training_records import configuration, training_data

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

STAGE = "train-lines"
KEY_METRICS = ("val_lines_right",)
"""The metrics in DVC's tables."""
SETTINGS_NAME = "settings.json"
SHOWN = 24
COMPARED = 16  # strips that Keras and ONNX Runtime must agree on


def run(config: Config) -> None:
    """Train, save and record the network, or make sure that there is none."""
    if not config.lines.rounds:
        _leave_none()
        log.info("lines.rounds=0: no network for lines, which predict.mode=number needs")
        return
    info = DatasetInfo.load()
    train, validation = load_split(split_file("train")), load_split(split_file("validation"))
    _refuse_others(info, train)
    start_tensorflow(config.train.threads)
    key = lines_fingerprint(config, info.digest, STAGE)
    with training_run(config, run_request(config), key) as (recorder, checkpoint):
        _record_setup(recorder, config, info, train, validation)
        model = learn(train, config, recorder, checkpoint)
        held_out = hold_out(validation, config.seed)
        readings, calibration = save(model, held_out, info.note, describe(config))
        metrics = measure(readings) | {"parameters": model.count_params(), **calibration}
        write_json(LINES_MODEL / SETTINGS_NAME, config.lines.model_dump())
        write_text(LINES_MODEL / RUN_ID_NAME, recorder.run_id() + "\n")
        files = report(readings, metrics, describe(config))
        recorder.record(Metrics(metrics))
        recorder.record(*File.each([*files, LINES_FILE], STAGE))
    log.info("%.1f %% of the held-out lines right", 100 * metrics["val_lines_right"])


def _leave_none() -> None:
    """Remove the network and its report; DVC wants both folders, and neither of them empty."""
    for folder in (LINES_MODEL, report_dir(STAGE)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    write_json(LINES_MODEL / SETTINGS_NAME, {"rounds": 0})
    write_json(report_dir(STAGE) / METRICS_NAME, {})
    write_json(summary_file(STAGE), {})


def _refuse_others(info: DatasetInfo, train: Split) -> None:
    height, width = train.images.shape[1:]
    if info.class_names != list(DIGIT_NAMES):
        reason = f"the classes of {info.name} are not the digits 0 to 9"
    elif (height, width) != (28, 28):
        reason = f"the pictures of {info.name} are {width} x {height} pixels, not 28 x 28"
    else:
        return
    raise InputError(f"lines.rounds: {reason}, so no lines can be composed; set lines.rounds=0")


def learn(
    train: Split, config: Config, recorder: Recorder, checkpoint: Path | None
) -> "keras.Model":
    """Train the network as configured, recording every round as it ends."""
    file = checkpoint / "lines.keras" if checkpoint else None
    with progress(config.lines.rounds, "round") as shown:

        def on_round(ended: Round) -> None:
            recorder.record(Metrics({"train_loss": ended.loss}, step=ended.round))
            shown.step(f"loss {ended.loss:.4f}", by=ended.round - shown.done)

        plan = LinePlan(**config.lines.model_dump(), seed=config.seed)
        return fit_lines(train, plan, file, on_round)


def save(
    model: "keras.Model", held_out: Split, note: str | None, title: str
) -> tuple[list[HeldOutReading], dict[str, float]]:
    """Export the network with a calibration found on lines that it did not learn from.

    Returns:
        What it reads in those lines, and the calibration.
    """
    told = {NOTE: note or "", TITLE: title}
    with replace_when_written(LINES_FILE) as network:
        export_onnx(model, network, held_out.images[:COMPARED], told)
        reader = LineReader.load(network)
        readings = list(track(read_held_out(reader, held_out), len(held_out), "held-out line"))
        slope, offset = fit_calibration(
            [each.probability for each in readings], [each.right for each in readings]
        )
        add_metadata(network, told | {SLOPE: repr(slope), OFFSET: repr(offset)})
        (LINES_MODEL / RUN_ID_NAME).unlink(missing_ok=True)  # that of the network before
    note_digests(LINES_MODEL, LINES_FILE)
    return readings, {SLOPE: slope, OFFSET: offset}


def measure(readings: Sequence[HeldOutReading]) -> Tree:
    """Return the share of the held-out lines that are right, and of the surer half of them."""
    surest = sorted(readings, key=lambda each: -each.probability)[: -(-len(readings) // 2)]
    return {
        "val_lines_right": float(np.mean([each.right for each in readings])),
        "val_surer_half_right": float(np.mean([each.right for each in surest])),
    }


def report(readings: Sequence[HeldOutReading], metrics: Tree, title: str) -> list[Path]:
    """Write the metrics, and some lines with what is read in them; evaluate draws those."""
    folder = report_dir(STAGE)
    write_json(folder / METRICS_NAME, metrics)
    write_json(summary_file(STAGE), {name: metrics[name] for name in KEY_METRICS})
    return [folder / METRICS_NAME, _examples(readings, title).save(folder)]


def _examples(readings: Sequence[HeldOutReading], title: str) -> LineExamples:
    """Choose the misread lines whose reading is surest, for half of the room, and others."""
    surest = sorted(readings, key=lambda each: -each.probability)
    misread = [each for each in surest if not each.right][: SHOWN // 2]
    shown = [*misread, *(each for each in readings if each.right)][:SHOWN]
    found = [
        (number, middle, int(digit))
        for number, each in enumerate(shown)
        for middle, digit in zip(each.middles, each.text, strict=True)
    ]
    return LineExamples(
        title,
        np.stack([each.strip for each in shown]),
        [each.truth for each in shown],
        np.array(found, np.float64).reshape(-1, 3),
    )


def describe(config: Config) -> str:
    """Say what is trained in a few words."""
    rounds = config.lines.rounds
    return f"lines · {rounds} round{'s' if rounds > 1 else ''}"


def run_request(config: Config) -> RunRequest:
    """Say what the MLflow run of this training is called."""
    return RunRequest(lines_experiment(config.tracking), describe(config), {"stage": STAGE})


def _record_setup(
    recorder: Recorder, config: Config, info: DatasetInfo, train: Split, validation: Split
) -> None:
    pictures = {"train": len(train), "validation": len(validation)}
    recorder.record(*configuration(config.model_dump(), ("seed", "data", "prepare", "lines")))
    recorder.record(Params({"train": {"threads": config.train.threads}}))
    recorder.record(*training_data(info.name, info.digest, pictures, info.note))


def main() -> None:
    """Run the stage from the command line."""
    run_stage(run, __doc__)


if __name__ == "__main__":
    main()
