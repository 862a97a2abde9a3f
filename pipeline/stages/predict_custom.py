"""Stage 4: read your own pictures of digits.

`digits predict-custom [predict.images=DIR] [predict.output=DIR]` writes predictions.csv,
numbers.csv, predictions.png and metrics.json. `predict.images` may also be one picture, or a list.
Needs no TensorFlow, and no MLflow with `tracking.enabled=false`.
"""

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.cli.command import run_stage
from pipeline.config.checking import check_numbers
from pipeline.config.places import (
    LINES_FILE,
    LINES_MODEL,
    METRICS_NAME,
    READER_NAME,
    REPORTS,
    project_path,
)
from pipeline.config.schema import Config, Predict
from pipeline.digits.inference.classifier import TITLE, Classifier, open_network
from pipeline.digits.inference.drift import Window
from pipeline.digits.preprocessing.decoding import read_picture
from pipeline.digits.preprocessing.finding import find_at, name_below
from pipeline.digits.preprocessing.labels import LABELS_NAME, read_labels, usable_labels
from pipeline.digits.preprocessing.normalise import decode_and_normalise
from pipeline.digits.recognition.digit import Prediction, recognise
from pipeline.digits.recognition.lines.reader import LineReader
from pipeline.digits.recognition.number import NumberPrediction, recognise_numbers
from pipeline.digits.recognition.page import steps_to_lines
from pipeline.inventory.digests import expect_unchanged
from pipeline.inventory.network import test_metrics
from pipeline.plots.style.numbers import counted, percent
from pipeline.stages.prediction_files import (
    NUMBERS_NAME,
    PREDICTIONS_NAME,
    Answer,
    Tally,
    write_predictions,
)
from pipeline.system.errors import InputError
from pipeline.system.files import replace_together, typed_path, write_json, write_text
from pipeline.tracking.names import LINES_RUN_TAG
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import child_run
from pipeline.tracking.recording.records import File, Metrics, Params, Record, Tags
from pipeline.tracking.registry.fetching import URI_SCHEME, fetch_network
from pipeline.tracking.run_ids import read_run_id

if TYPE_CHECKING:
    from pipeline.plots.predict_custom import DigitMark, PredictionItem

log = logging.getLogger(__name__)

STAGE = "predict-custom"
PLOT_NAME = "predictions.png"
FILES = (PREDICTIONS_NAME, NUMBERS_NAME, METRICS_NAME, READER_NAME, PLOT_NAME)
EXPLAIN_NAME = "explain"
LONGEST_NAME = 200  # bytes, of the 255 that file systems allow
COMPARED = 500
"""So many pictures, the last ones, are compared with the training data."""

Steps = Sequence[tuple[str, NDArray[np.generic]]]


def run(config: Config) -> None:
    """Read every picture of the configured folder and record the answers in MLflow."""
    settings = config.predict
    places, output = _places(settings), typed_path(settings.output)
    if settings.mode == "number":
        check_numbers(trained=LINES_FILE.is_file())
        expect_unchanged(LINES_FILE)
    model, run_id = find_network(config)
    images, found = find_at(places)
    paths = _without_drawn(found, images, output)
    labels = _labels(images, paths, settings.mode, whole_folder=places == [images])
    output.mkdir(parents=True, exist_ok=True)
    parent = RunRequest(config.tracking.experiment, "replacement of a lost run", {})
    child = RunRequest(config.tracking.experiment, what_is_read(settings), {"stage": STAGE})
    with child_run(config.tracking, run_id, parent, child) as recorder:
        predictions, note = read(settings, paths, images, model)
        reference = Classifier.load(model).reference if settings.mode == "digit" else None
        window = Window(reference, COMPARED)
        watched = _watched(predictions, window)
        reader = reader_in_words(settings, model, run_id)
        with replace_together(last=output / READER_NAME):
            tally = write_predictions(output, watched, labels, len(paths), settings.grid_limit)
            drift = window.compare()
            metrics = tally.metrics() | ({"custom_drift_p_value": drift.p_value} if drift else {})
            write_json(output / METRICS_NAME, metrics)
            write_text(output / READER_NAME, f"{reader}\n")
            plot(tally, labels, note, output / PLOT_NAME)
        recorder.record(*_records(settings, metrics, output))
        if settings.explain:
            drawn = explain(paths, images, output / EXPLAIN_NAME, settings.mode)
            recorder.record(*File.each(drawn, f"{STAGE}/{EXPLAIN_NAME}"))
    _log_summary(tally, output)
    if drift and drift.is_alarm:
        log.warning("%s", drift.in_words())
    _log_reader(reader, test_metrics(run_id) if settings.mode == "digit" else {})
    if tally.by_status["error"] == tally.by_status.total():
        raise InputError(
            f"predict.images={settings.images}: none of the pictures could be read; "
            f"the last column of {output / PREDICTIONS_NAME} says why"
        )


def _places(settings: Predict) -> list[Path]:
    given = [settings.images] if isinstance(settings.images, str) else settings.images
    return [typed_path(place) for place in given]


def what_is_read(settings: Predict) -> str:
    """Name the pictures in a few words, for MLflow."""
    first, *others = _places(settings)
    more = f" and {counted(len(others), 'other place')}" if others else ""
    return f"pictures in {first.name}{more}"


def _writes_here(config: Config) -> bool:
    """Return whether the answers replace those that DVC keeps."""
    return typed_path(config.predict.output).resolve().is_relative_to(REPORTS)


def find_network(config: Config) -> tuple[Path, str | None]:
    """Return the ONNX file of the configured network, fetched if registered, and its run's id."""
    if config.predict.model.startswith(URI_SCHEME):
        return fetch_network(config.tracking, config.predict.model)
    model = project_path(config.predict.model)
    expect_unchanged(model)
    return model, read_run_id(model.parent)


def reader_in_words(settings: Predict, model: Path, run_id: str | None) -> str:
    """Return which network reads: what was trained, and its MLflow run."""
    if settings.mode == "number":
        model, run_id = LINES_FILE, read_run_id(LINES_MODEL)
    title = open_network(model)[1].get(TITLE, f"the network in {model}")
    return f"{title}, MLflow run {run_id}" if run_id else title


def read(
    settings: Predict, paths: Sequence[Path], images: Path, model: Path
) -> tuple[Iterator[Answer], str | None]:
    """Read pictures as `predict.mode` asks; return the answers and the network's warning."""
    how: dict[str, Any] = {"chunk_size": settings.chunk_size, "thumbnails": settings.grid_limit}
    if settings.mode == "number":
        reader = LineReader.load(LINES_FILE)
        below = settings.unsure_numbers_below
        return recognise_numbers(paths, images, reader, unsure_below=below, **how), reader.note
    classifier = Classifier.load(model)
    below = settings.unsure_below
    return recognise(paths, images, classifier, unsure_below=below, **how), classifier.note


def _watched(predictions: Iterable[Answer], window: Window) -> Iterator[Answer]:
    for each in predictions:
        if isinstance(each, Prediction):
            window.add(each.image, each.probabilities)
        yield each


def plot(tally: Tally, labels: Mapping[str, str], note: str | None, path: Path) -> None:
    """Draw each picture with what the network saw and its answer."""
    from pipeline.plots.predict_custom import prediction_grid
    from pipeline.plots.style.page import save_figure

    items = [_item(shown, labels.get(shown.file)) for shown in tally.shown]
    save_figure(prediction_grid(items, note, total=tally.by_status.total()), path)


def _item(shown: Answer, label: str | None) -> "PredictionItem":
    from pipeline.plots.predict_custom import PredictionItem

    return PredictionItem(
        file=shown.file,
        thumbnail=shown.thumbnail,
        seen=shown.image if isinstance(shown, Prediction) else None,
        digit=shown.digit,
        confidence=shown.confidence,
        status=shown.status,
        detail=shown.detail,
        label=label,
        marks=_marks(shown) if isinstance(shown, NumberPrediction) else None,
    )


def _marks(shown: NumberPrediction) -> "list[DigitMark]":
    from pipeline.plots.predict_custom import DigitMark

    width, height = shown.size
    return [
        DigitMark(
            (box.left / width, box.top / height, box.width / width, box.height / height),
            box.digit,
            sure=not doubt,
        )
        for box, doubt in zip(shown.digits, shown.doubts, strict=True)
    ]


def explain(
    paths: Iterable[Path],
    root: Path,
    folder: Path,
    mode: str,
) -> list[Path]:
    """Draw every step from picture to network input, for every readable picture."""
    from pipeline.plots.explain import explain_strip
    from pipeline.plots.style.page import save_figure

    drawn = []
    for path in paths:
        name = name_below(root, path)
        try:
            steps = _steps(path, mode)
        except Exception:  # predictions.csv says why the picture cannot be read
            continue
        strip = _strip_file(folder, name)
        strip.parent.mkdir(parents=True, exist_ok=True)
        save_figure(explain_strip(steps, name), strip)
        drawn.append(strip)
    return drawn


def _strip_file(folder: Path, name: str) -> Path:
    """Return the file for a picture's steps, with room in its name for what is added to it."""
    strip = folder / f"{name}.png"
    if len(os.fsencode(strip.name)) <= LONGEST_NAME:
        return strip
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return strip.with_name(f"{strip.name[: LONGEST_NAME // 8]}-{digest}.png")


def _steps(path: Path, mode: str) -> Steps:
    if mode == "digit":
        usual, *others = decode_and_normalise(partial(read_picture, path))[1]
        return (*usual.steps, *((f"or: {other.way}", other.image) for other in others))
    return steps_to_lines(read_picture(path).pixels)


def _without_drawn(paths: list[Path], images: Path, output: Path) -> list[Path]:
    """Leave out pictures drawn by earlier runs, whose output folder may be inside `images`.

    Raises:
        InputError: There are no others, or one of the user's pictures would be overwritten.
    """
    others = [path for path in paths if not _is_drawn(path, images)]
    if len(others) < len(paths):
        log.info("pictures left out, drawn by earlier runs: %d", len(paths) - len(others))
    if not others:
        raise InputError(
            "predict.images: holds only pictures drawn by earlier runs; name another folder"
        )
    drawn = output.resolve() / PLOT_NAME
    if any(path.name == PLOT_NAME and path.parent.resolve() == drawn.parent for path in others):
        raise InputError(f"{drawn} would be overwritten; name another folder as predict.output")
    return others


def _is_drawn(path: Path, images: Path) -> bool:
    """Return whether a run drew this picture: if so, its table is beside it or above `explain/`."""
    beside = [path.parent] if path.name == PLOT_NAME else []
    if EXPLAIN_NAME in path.parts:
        folders = list(path.parents)[: len(path.parts) - len(images.parts) - 1]
        beside += [folder.parent for folder in folders if folder.name == EXPLAIN_NAME]
    return any((folder / PREDICTIONS_NAME).exists() for folder in beside)


def _labels(
    images: Path, paths: Iterable[Path], mode: str, *, whole_folder: bool
) -> dict[str, str]:
    """Return the labels of the pictures, by name; warn about those that are not counted."""
    names = {name_below(images, path) for path in paths}
    given = read_labels(images / LABELS_NAME)
    if not whole_folder:  # a table beside single pictures may be of many more
        given = {file: label for file, label in given.items() if file in names}
    return usable_labels(given, names, single=mode == "digit")


def _records(settings: Predict, metrics: Mapping[str, float], output: Path) -> Iterator[Record]:
    yield Params({"predict": settings.model_dump()})
    if settings.mode == "number" and (lines_run := read_run_id(LINES_MODEL)):
        yield Tags({LINES_RUN_TAG: lines_run})
    yield Metrics(metrics)
    yield from File.each([output / name for name in FILES], STAGE)


def _log_summary(tally: Tally, output: Path) -> None:
    counts = ", ".join(f"{count} {status}" for status, count in sorted(tally.by_status.items()))
    score = f"; {tally.right} of {tally.labelled} labelled ones right" if tally.labelled else ""
    read = counted(tally.by_status.total(), "picture")
    log.info("%s: %s%s; see %s", read, counts, score, output)


def _log_reader(reader: str, tested: Mapping[str, float]) -> None:
    score = f", {percent(tested['test_accuracy'])} of the test digits right" if tested else ""
    log.info("read by %s%s", reader, score)


def main() -> None:
    """Run the stage from the command line."""
    run_stage(run, __doc__, _writes_here)


if __name__ == "__main__":
    main()
