"""The MLflow run of a training, and the state that survives an interruption.

`pipeline.tracking.training_records` describes what such a run holds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.config.places import RUN_ID_NAME, home
from pipeline.config.schema import Config
from pipeline.digits.splits import digest, load_split
from pipeline.digits.training.transfer import weights_file
from pipeline.stages.prepared import DatasetInfo, split_file
from pipeline.system.errors import InputError
from pipeline.system.files import reserve_state_folder
from pipeline.tracking.models import unseen_test_digest
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import Recorder, new_run
from pipeline.tracking.recording.records import Record
from pipeline.tracking.run_ids import interrupted_run_id
from pipeline.tracking.training_records import training_data

LEARNED_FROM = ("train", "validation")


@contextmanager
def training_run(
    config: Config, request: RunRequest, key: str
) -> Iterator[tuple[Recorder, Path | None]]:
    """Yield the MLflow run of a training, and the folder that keeps its state until it succeeds.

    If the same training was interrupted before, its run and its folder are used again. The folder
    is None while the same training runs in another process.
    """
    with (
        reserve_state_folder(checkpoint_dir(key)) as checkpoint,
        new_run(config.tracking, request, interrupted_run_id(checkpoint)) as recorder,
    ):
        if checkpoint:
            recorder.keep_key(checkpoint / RUN_ID_NAME)
        recorder.monitor()
        yield recorder, checkpoint


def checkpoint_dir(key: str) -> Path:
    """Return the folder that keeps the state of the training with this fingerprint."""
    return home() / ".checkpoints" / key


def data_records(config: Config, folder: Path | None = None) -> list[Record]:
    """Return the records of the prepared data that a network learns from.

    Args:
        config: The configuration of its training.
        folder: The folder that holds the data; None is that of the stage prepare.
    """
    info = DatasetInfo.load(folder)
    pictures = {part: len(load_split(split_file(part, folder))) for part in LEARNED_FROM}
    try:
        unseen = unseen_test_set(config, folder)
    except InputError:  # the run that its first weights come from is gone
        unseen = None
    return training_data(info.name, info.digest, pictures, info.note, unseen)


def unseen_test_set(config: Config, folder: Path | None = None) -> str | None:
    """Return the digest of the prepared test set; None if the network may have been trained on it.

    Its own training does not use the test set, but the one that its initial weights come from may
    have. An MLflow run records which test set its weights have not seen; weights from a file may
    come from anywhere.
    """
    prepared = digest([load_split(split_file("test", folder))])
    start = config.train.init_from
    if start is None:
        return prepared
    if weights_file(start):
        return None
    return prepared if unseen_test_digest(config.tracking, start) == prepared else None
