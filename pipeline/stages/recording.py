"""What every training records about itself in MLflow."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline.config.params import dump
from pipeline.config.places import RUN_ID_NAME, home
from pipeline.config.schema import Config
from pipeline.digits.splits import digest, load_split
from pipeline.digits.training.state import Epoch
from pipeline.digits.training.transfer import weights_file
from pipeline.stages.prepared import DatasetInfo, split_file
from pipeline.system.files import own_folder
from pipeline.tracking.models import unseen_test_digest
from pipeline.tracking.names import CHOSEN_ACCURACY, CONFIG_ARTIFACT
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import Recorder, new_run
from pipeline.tracking.run_ids import begun_run_id

# What `curve_point` records of every epoch, and `measure` repeats for the weights that were kept.
CURVES = frozenset({"train_loss", "train_accuracy", "val_loss", "val_accuracy"})


@contextmanager
def training_run(
    config: Config, request: RunRequest, key: str
) -> Iterator[tuple[Recorder, Path | None]]:
    """Offer the run of a training, and the folder that keeps its state until it ends well.

    Both are those of the last time if the same training was interrupted then. There is no folder
    while the same training runs elsewhere.
    """
    with (
        own_folder(checkpoint_dir(key)) as checkpoint,
        new_run(config.tracking, request, begun_run_id(checkpoint)) as recorder,
    ):
        if checkpoint:
            recorder.keep_run_id(checkpoint / RUN_ID_NAME)
        recorder.monitor()
        yield recorder, checkpoint


def checkpoint_dir(key: str) -> Path:
    """Return the folder that keeps the state of the training with this fingerprint."""
    return home() / ".checkpoints" / key


def record_setup(
    recorder: Recorder,
    config: Config,
    sections: Iterable[str],
    info: DatasetInfo,
    pictures: Mapping[str, int],
) -> None:
    """Record the settings of a training and its data.

    Args:
        recorder: The run.
        config: The configuration.
        sections: The sections of the configuration to compare runs by.
        info: What the data is.
        pictures: How many pictures each split has.
    """
    tree = config.model_dump()
    recorder.params({section: tree[section] for section in sections})
    recorder.text(dump(tree), CONFIG_ARTIFACT)
    recorder.dataset(info.name, info.digest, "data/prepared", pictures)
    if info.note:
        recorder.tags({"note": info.note})


def curve_point(epoch: Epoch) -> dict[str, float]:
    """Return an epoch's numbers under the names of MLflow's curves."""
    return {
        "train_loss": epoch.loss,
        "train_accuracy": epoch.accuracy,
        "val_loss": epoch.val_loss,
        "val_accuracy": epoch.val_accuracy,
        "learning_rate": epoch.learning_rate,
        "epoch_seconds": epoch.seconds,
    }


def run_metrics(metrics: Mapping[str, float], training_seconds: float) -> dict[str, float]:
    """Return the metrics of a training that its run keeps beside the curves of the epochs.

    Those with a curve are left out: they would look like one more epoch.
    """
    single = {name: value for name, value in metrics.items() if name not in CURVES}
    kept = {CHOSEN_ACCURACY: metrics["val_accuracy"], "training_seconds": training_seconds}
    return single | kept


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
