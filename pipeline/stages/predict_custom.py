"""Stage 4: read people's own pictures of digits.

`python -m pipeline.stages.predict_custom [predict.images=DIR] [predict.output=DIR]` writes
predictions.csv, predictions.png and metrics.json. Needs no TensorFlow, and no MLflow with
`tracking.enabled=false`.
"""

import csv
import logging
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from pipeline.command import run_stage
from pipeline.config import Config, Tree, project_path
from pipeline.digits.classifier import Classifier
from pipeline.digits.errors import InputError
from pipeline.digits.pictures import PictureError, find_pictures, read_picture
from pipeline.digits.reading import read
from pipeline.digits.recognition import Prediction, recognise
from pipeline.layout import METRICS_NAME, read_run_id, write_json
from pipeline.tracking import RunRequest, child_run

log = logging.getLogger(__name__)

STAGE = "predict-custom"
LABELS_NAME = "labels.csv"
COLUMNS = ("file", "digit", "confidence", "second", "second_confidence", "status", "detail")


@dataclass
class Tally:
    """What is kept of all predictions once they are written: counts, and the first for the grid."""

    by_status: Counter[str] = field(default_factory=Counter)
    labelled: int = 0
    right: int = 0
    shown: list[Prediction] = field(default_factory=list)

    def add(self, prediction: Prediction, label: str | None, grid_limit: int) -> None:
        """Count one prediction; a labelled picture that could not be read counts as wrong."""
        self.by_status[prediction.status] += 1
        if label is not None:
            self.labelled += 1
            self.right += str(prediction.digit) == label
        if len(self.shown) < grid_limit:
            self.shown.append(prediction)

    def metrics(self) -> Tree:
        """Give the stage's metrics; the accuracy only where labels are known."""
        counts = {
            f"custom_{status}": self.by_status[status] for status in ("ok", "unsure", "error")
        }
        metrics: Tree = {"custom_pictures": self.by_status.total(), **counts}
        if self.labelled:
            metrics["custom_accuracy"] = self.right / self.labelled
        return metrics


def run(config: Config) -> None:
    """Read every picture of the configured folder and record the answers in MLflow."""
    settings = config.predict
    images, output = Path(settings.images).expanduser(), Path(settings.output).expanduser()
    model = project_path(settings.model)
    labels = read_labels(images / LABELS_NAME)
    paths = _own_files_left_out(find_pictures(images), output)
    output.mkdir(parents=True, exist_ok=True)
    parent = RunRequest(config.tracking.experiment, "replacement of a lost run", {})
    child = RunRequest(config.tracking.experiment, f"pictures in {images.name}", {"stage": STAGE})
    with child_run(config.tracking, read_run_id(model.parent), parent, child) as recorder:
        classifier = Classifier.load(model)
        predictions = recognise(
            paths,
            images,
            classifier,
            unsure_below=settings.unsure_below,
            chunk_size=settings.chunk_size,
        )
        tally = write_predictions(
            output / "predictions.csv", predictions, labels, len(paths), settings.grid_limit
        )
        files = [output / name for name in ("predictions.csv", METRICS_NAME, "predictions.png")]
        write_json(files[1], tally.metrics())
        plot(tally, labels, classifier.note, files[2])
        recorder.params({"predict": settings.model_dump()})
        recorder.metrics(tally.metrics())
        recorder.files(files, STAGE)
        if settings.explain:
            recorder.files(explain(paths, images, output / "explain"), f"{STAGE}/explain")
    _tell(tally, output)


def read_labels(path: Path) -> dict[str, str]:
    """Read the right answers, by file, from a CSV file with the columns file and label.

    Raises:
        InputError: The file has other columns or is no text.
    """
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return {row["file"].strip(): row["label"].strip() for row in csv.DictReader(file)}
    except (KeyError, AttributeError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: needs the columns file,label, as UTF-8 text") from error


def write_predictions(
    path: Path,
    predictions: Iterable[Prediction],
    labels: Mapping[str, str],
    total: int,
    grid_limit: int,
) -> Tally:
    """Write each prediction as it comes, so that what is read stays when the run is stopped."""
    tally = Tally()
    bar = tqdm(predictions, total=total, unit="picture", disable=not sys.stderr.isatty())
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for prediction in bar:
            writer.writerow(_row(prediction))
            tally.add(prediction, labels.get(prediction.file), grid_limit)
    return tally


def plot(tally: Tally, labels: Mapping[str, str], note: str | None, path: Path) -> None:
    """Draw each picture beside what the network saw, with its answer."""
    from pipeline.plots.predict_custom import PredictionItem, prediction_grid
    from pipeline.plots.style import save_figure

    items = [
        PredictionItem(
            file=shown.file,
            thumbnail=shown.thumbnail,
            seen=shown.image,
            digit=shown.digit,
            confidence=shown.confidence,
            status=shown.status,
            detail=shown.detail,
            label=labels.get(shown.file),
        )
        for shown in tally.shown
    ]
    save_figure(prediction_grid(items, note, limit=len(items), total=tally.by_status.total()), path)


def explain(paths: Iterable[Path], root: Path, folder: Path) -> list[Path]:
    """Draw, for every readable picture, each step from the picture to what the network sees."""
    from pipeline.plots.predict_custom import explain_strip
    from pipeline.plots.style import save_figure

    drawn = []
    for path in paths:
        name = path.relative_to(root).as_posix()
        try:
            steps = read(read_picture(path).pixels).steps
        except PictureError:
            continue  # predictions.csv says why
        strip = folder / f"{name}.png"
        strip.parent.mkdir(parents=True, exist_ok=True)
        save_figure(explain_strip(steps, name), strip)
        drawn.append(strip)
    return drawn


def _row(prediction: Prediction) -> Sequence[object]:
    return (
        prediction.file,
        "" if prediction.digit is None else prediction.digit,
        f"{prediction.confidence:.4f}",
        "" if prediction.second is None else prediction.second,
        f"{prediction.second_confidence:.4f}",
        prediction.status,
        prediction.detail,
    )


def _own_files_left_out(paths: list[Path], output: Path) -> list[Path]:
    """Leave out what an earlier run drew, should its output lie among the pictures."""
    drawn, explained = (output / "predictions.png").resolve(), (output / "explain").resolve()
    return [
        path
        for path in paths
        if path.absolute() != drawn and explained not in path.absolute().parents
    ]


def _tell(tally: Tally, output: Path) -> None:
    counts = ", ".join(f"{count} {status}" for status, count in sorted(tally.by_status.items()))
    known = f"; {tally.right} of {tally.labelled} labelled ones right" if tally.labelled else ""
    log.info("%d pictures: %s%s; see %s", tally.by_status.total(), counts, known, output)


def main() -> None:
    """Run the stage from the command line."""
    run_stage(run)


if __name__ == "__main__":
    main()
