"""The MLflow run of a training, and the state that outlives an interruption.

What such a run holds is said in `pipeline.tracking.training_records`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.config.places import RUN_ID_NAME, home
from pipeline.config.schema import Config
from pipeline.digits.splits import digest, load_split
from pipeline.digits.training.transfer import weights_file
from pipeline.stages.prepared import split_file
from pipeline.system.files import reserve_state_folder
from pipeline.tracking.models import unseen_test_digest
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import Recorder, new_run
from pipeline.tracking.recording.records import Monitor
from pipeline.tracking.run_ids import interrupted_run_id


@contextmanager
def training_run(
    config: Config, request: RunRequest, key: str
) -> Iterator[tuple[Recorder, Path | None]]:
    """Offer the run of a training, and the folder that keeps its state until it ends well.

    Both are those of the last time if the same training was interrupted then. There is no folder
    while the same training runs elsewhere.
    """
    with (
        reserve_state_folder(checkpoint_dir(key)) as checkpoint,
        new_run(config.tracking, request, interrupted_run_id(checkpoint)) as recorder,
    ):
        if checkpoint:
            recorder.keep_run_id(checkpoint / RUN_ID_NAME)
        recorder.record(Monitor())
        yield recorder, checkpoint


def checkpoint_dir(key: str) -> Path:
    """Return the folder that keeps the state of the training with this fingerprint."""
    return home() / ".checkpoints" / key


def unseen_test_part(config: Config) -> str | None:
    """Return the digest of the prepared test part, if the network is known never to have met it.

    Its own training never meets it. The weights it starts from may have: those of a run that tells
    of the same test part have not, those in a file may come from anywhere.
    """
    prepared = digest([load_split(split_file("test"))])
    start = config.train.init_from
    if start is None:
        return prepared
    if weights_file(start):
        return None
    return prepared if unseen_test_digest(config.tracking, start) == prepared else None
