"""Networks to register, whose answers are written into the test pictures."""

from contextlib import contextmanager

import numpy as np
import pytest
from support.networks import answers_in_pictures, write_reader

from pipeline.digits.splits import Split, digest, save_split
from pipeline.stages import prepared
from pipeline.stages.prepared import DatasetInfo
from pipeline.tracking.names import UNSEEN_TEST_TAG
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.records import File, Metrics, Tags

TEST_SIZE = 200


def prepare_test_set(folder, wrong):
    """Write a test set of which each network reads `wrong` pictures wrong; return its digest."""
    labels = np.arange(TEST_SIZE, dtype=np.uint8) % 10
    answers = [np.where(np.arange(TEST_SIZE) < each, 9 - labels, labels) for each in wrong]
    test = Split(answers_in_pictures(*answers), labels)
    save_split(test, folder / "test.npz")
    DatasetInfo("test", "d" * 64, [str(digit) for digit in range(10)], None).save(folder)
    return digest([test])


@contextmanager
def recorded_networks(place, settings, wrong):
    """Record networks, by name how many test pictures each reads wrong, in a store of their own.

    Yields the ids of their runs, by name; during the block, that store is the one in use.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(place))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr(prepared, "PREPARED", place)
        unseen = prepare_test_set(place, wrong.values())
        yield {
            name: record_network(settings, place, name, row, count, unseen)
            for row, (name, count) in enumerate(wrong.items())
        }


def record_network(settings, folder, name, row, wrong, unseen_test="0" * 64):
    """Record a finished training whose network answers a row of the pictures; return its id."""
    network = write_reader(folder / name / "model.onnx", row)
    right = 1 - wrong / TEST_SIZE
    with new_run(settings, RunRequest(settings.experiment, name, {"stage": "train"})) as recorder:
        recorder.record(
            Tags({UNSEEN_TEST_TAG: unseen_test}),
            Metrics({"val_accuracy": right, "test_accuracy": right, "corrupted_accuracy": 0.75}),
            *File.each([network], "train"),
        )
    return recorder.run_id()
