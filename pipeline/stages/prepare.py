"""Stage 1: fetch the data, check it, split it.

`python -m pipeline.stages.prepare [KEY=VALUE …]` writes data/prepared/ and reports/prepare/.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipeline.cli.command import run_stage
from pipeline.config.places import METRICS_NAME, report_dir
from pipeline.config.schema import Config
from pipeline.config.targets import call_target
from pipeline.config.trees import bare_name
from pipeline.digits.splits import (
    Dataset,
    Split,
    class_counts,
    digest,
    save_split,
    stratified_split,
    validation_share,
)
from pipeline.stages.prepared import DatasetInfo, dataset_file, split_file
from pipeline.system.errors import InputError
from pipeline.system.files import replace_together, write_json
from pipeline.tracking.names import DATA_DIGEST_TAG, data_experiment
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import Recorder, run_written_later
from pipeline.tracking.recording.records import File, Metrics, Params, Tags

log = logging.getLogger(__name__)

STAGE = "prepare"


def run(config: Config) -> None:
    """Prepare the configured data and record it in MLflow."""
    request = RunRequest(
        experiment=data_experiment(config.tracking),
        name=bare_name(config.data["_target_"]),
        tags={"stage": STAGE},
    )
    with run_written_later(config.tracking, request) as recorder:
        recorder.record(
            Params({"seed": config.seed, "data": config.data, STAGE: config.prepare.model_dump()})
        )
        dataset: Dataset = call_target(config.data)
        splits = split_dataset(dataset, config.prepare.validation_size, config.seed)
        info = identify(dataset, splits)
        counts = {
            name: class_counts(split, len(info.class_names)) for name, split in splits.items()
        }
        metrics_file = report_dir(STAGE) / METRICS_NAME
        with replace_together(last=dataset_file()):
            for name, split in splits.items():
                save_split(split, split_file(name))
            info.save()
            write_json(metrics_file, describe(dataset, info, counts))
            plots = plot(splits["train"], counts, info, report_dir(STAGE))
        _record(recorder, info, counts, [metrics_file, *plots])
    sizes = ", ".join(f"{len(split)} {name}" for name, split in splits.items())
    log.info("%s from %s: %s", dataset.name, dataset.source, sizes)


def split_dataset(dataset: Dataset, validation_size: int, seed: int) -> dict[str, Split]:
    """Set some training pictures aside for validation; the test set stays as it is.

    Raises:
        InputError: A class would have no picture left to train on.
    """
    rng = np.random.default_rng(seed)
    share = validation_share(validation_size, len(dataset.train))
    train, validation = stratified_split(dataset.train, share, rng)
    lost = sorted(set(dataset.train.labels.tolist()) - set(train.labels.tolist()))
    if lost:
        names = ", ".join(dataset.class_names[label] for label in lost)
        raise InputError(
            f"prepare.validation_size={validation_size}: leaves no picture of {names} to train on; "
            f"{dataset.source} must hold more of every class"
        )
    return {"train": train, "validation": validation, "test": dataset.test}


def identify(dataset: Dataset, splits: Mapping[str, Split]) -> DatasetInfo:
    """Return what later stages need to know about the data."""
    return DatasetInfo(
        name=dataset.name,
        digest=digest(list(splits.values())),
        class_names=list(dataset.class_names),
        note=dataset.note,
    )


def describe(
    dataset: Dataset, info: DatasetInfo, counts: Mapping[str, list[int]]
) -> dict[str, object]:
    """Return the stage's metrics: the source of the data and the number of pictures per class."""
    return {
        "source": dataset.source,
        "stand_in": dataset.note is not None,
        "digest": info.digest,
        "pictures": {split: sum(of_split) for split, of_split in counts.items()},
        "pictures_per_class": {
            split: dict(zip(info.class_names, of_split, strict=True))
            for split, of_split in counts.items()
        },
    }


def plot(
    train: Split, counts: Mapping[str, list[int]], info: DatasetInfo, folder: Path
) -> list[Path]:
    """Draw a sample of the training pictures and the balance of the classes."""
    from pipeline.plots import prepare as plots
    from pipeline.plots.style.page import save_figure

    names = info.class_names
    figures = {
        "samples.png": plots.sample_grid(train.images, train.labels, names, info.note),
        "class_balance.png": plots.class_balance(counts, names, info.note),
    }
    for name, figure in figures.items():
        save_figure(figure, folder / name)
    return [folder / name for name in figures]


def _record(
    recorder: Recorder, info: DatasetInfo, counts: Mapping[str, list[int]], files: list[Path]
) -> None:
    recorder.record(
        Metrics({f"pictures_{split}": sum(of_split) for split, of_split in counts.items()})
    )
    recorder.record(
        Tags({DATA_DIGEST_TAG: info.digest} | ({"note": info.note} if info.note else {}))
    )
    recorder.record(*File.each(files, STAGE))


def main() -> None:
    """Run the stage from the command line."""
    run_stage(run, __doc__)


if __name__ == "__main__":
    main()
