"""Stage 1: fetch the data, check it, split it.

`digits prepare [KEY=VALUE …]` writes data/prepared/ and reports/prepare/.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.cli.command import run_stage
from pipeline.config.places import METRICS_NAME, report_dir
from pipeline.config.schema import Config
from pipeline.config.targets import call_target
from pipeline.config.trees import bare_name
from pipeline.digits.datasets.checking import check_dataset
from pipeline.digits.datasets.duplicates import Duplicate, Place, find_duplicates
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
from pipeline.system.files import path_for_table, replace_together, write_csv, write_json
from pipeline.tracking.names import DATA_DIGEST_TAG, data_experiment
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import Recorder, run_written_later
from pipeline.tracking.recording.records import File, Metrics, Params, Tags

log = logging.getLogger(__name__)

STAGE = "prepare"
DUPLICATES_NAME = "duplicates.csv"
LEFT_OUT_NAME = "left_out.csv"
DUPLICATE_COLUMNS = (
    *("split", "row", "file", "label", "copy_split", "copy_row", "copy_file", "copy_label"),
    "distance",
)
MOST_SHOWN = 24  # duplicates in the plot


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
        dataset = check_dataset(call_target(config.data))
        splits = split_dataset(dataset, config.prepare.validation_size, config.seed)
        duplicates = find_duplicates(splits)
        refuse_known_test(duplicates, dataset.test, dataset.source)
        info = identify(dataset, splits)
        counts = {
            name: class_counts(split, len(info.class_names)) for name, split in splits.items()
        }
        twice, folder = count_duplicates(duplicates), report_dir(STAGE)
        with replace_together(last=dataset_file()):
            for name, split in splits.items():
                save_split(split, split_file(name))
            info.save()
            write_json(folder / METRICS_NAME, describe(dataset, info, counts) | twice)
            tables = write_tables(splits, duplicates, dataset, folder)
            plots = plot(splits, counts, duplicates, info, folder)
        _record(recorder, info, counts, twice, [folder / METRICS_NAME, *tables, *plots])
    sizes = ", ".join(f"{len(split)} {name}" for name, split in splits.items())
    _warn(counts, twice, info.class_names)
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


def count_duplicates(duplicates: Sequence[Duplicate]) -> dict[str, int]:
    """Count the pictures that occur twice, by what is wrong with that."""
    across = [each for each in duplicates if each.is_across]
    return {
        "duplicates_across_splits": sum(each.is_exact for each in across),
        "near_duplicates_across_splits": sum(not each.is_exact for each in across),
        "duplicates_within_splits": len(duplicates) - len(across),
        "duplicates_with_two_labels": sum(not each.same_label for each in duplicates),
    }


def refuse_known_test(duplicates: Sequence[Duplicate], test: Split, source: str) -> None:
    """Refuse a test set that tests nothing.

    Raises:
        InputError: More than half of its pictures are among those to train on.
    """
    known = sum(
        each.is_exact and each.is_across and each.second.split == "test" for each in duplicates
    )
    if known > len(test) / 2:
        raise InputError(
            f"{source}: {known} of {len(test)} test pictures are among those to train on as well; "
            "remove the copies"
        )


def write_tables(
    splits: Mapping[str, Split], duplicates: Sequence[Duplicate], dataset: Dataset, folder: Path
) -> list[Path]:
    """List all pictures that occur twice, and all files that were left out."""

    def cells(place: Place) -> tuple[object, ...]:
        split = splits[place.split]
        file = "" if split.files is None else path_for_table(str(split.files[place.row]))
        label = dataset.class_names[split.labels[place.row]]
        return place.split, place.row, file, label

    rows = [
        (*cells(each.first), *cells(each.second), f"{each.distance:.3f}") for each in duplicates
    ]
    write_csv(folder / DUPLICATES_NAME, DUPLICATE_COLUMNS, rows)
    left_out = [(path_for_table(file), reason) for file, reason in dataset.left_out]
    write_csv(folder / LEFT_OUT_NAME, ("file", "reason"), left_out)
    return [folder / DUPLICATES_NAME, folder / LEFT_OUT_NAME]


def plot(
    splits: Mapping[str, Split],
    counts: Mapping[str, list[int]],
    duplicates: Sequence[Duplicate],
    info: DatasetInfo,
    folder: Path,
) -> list[Path]:
    """Draw a sample of the training pictures, the balance of the classes, and duplicates."""
    from pipeline.plots import prepare as plots
    from pipeline.plots.style.page import save_figure

    def shown(place: Place) -> plots.Copy:
        split = splits[place.split]
        name = f"{place.split} {place.row:,}"
        file = name if split.files is None else f"{place.split}: {split.files[place.row]}"
        return plots.Copy(split.images[place.row], int(split.labels[place.row]), file)

    pairs = [(shown(each.first), shown(each.second), each.distance) for each in duplicates]
    train, names = splits["train"], info.class_names
    figures = {
        "samples.png": plots.sample_grid(train.images, train.labels, names, info.note),
        "class_balance.png": plots.class_balance(counts, names, info.note),
        "duplicates.png": plots.duplicate_grid(pairs[:MOST_SHOWN], len(pairs), names, info.note),
    }
    for name, figure in figures.items():
        save_figure(figure, folder / name)
    return [folder / name for name in figures]


def _warn(
    counts: Mapping[str, list[int]], twice: Mapping[str, int], class_names: Sequence[str]
) -> None:
    for split in ("validation", "test"):
        if lacks := [name for name, n in zip(class_names, counts[split], strict=True) if not n]:
            log.warning("%s: holds no picture of %s", split, ", ".join(lacks))
    if found := [f"{count} {what.replace('_', ' ')}" for what, count in twice.items() if count]:
        log.warning("%s; see %s in reports/%s", ", ".join(found), DUPLICATES_NAME, STAGE)


def _record(
    recorder: Recorder,
    info: DatasetInfo,
    counts: Mapping[str, list[int]],
    twice: Mapping[str, int],
    files: list[Path],
) -> None:
    pictures = {f"pictures_{split}": sum(of_split) for split, of_split in counts.items()}
    recorder.record(Metrics({**pictures, **twice}))
    recorder.record(
        Tags({DATA_DIGEST_TAG: info.digest} | ({"note": info.note} if info.note else {}))
    )
    recorder.record(*File.each(files, STAGE))


def main() -> None:
    """Run the stage from the command line."""
    run_stage(run, __doc__)


if __name__ == "__main__":
    main()
