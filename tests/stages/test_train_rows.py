"""Rows are composed of digits alone, and without a network for rows none is left lying about."""

import json

import numpy as np
import pytest

from pipeline.config import places
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.digits.recognition.rows import NONE, STRIDE
from pipeline.digits.row_training.composing import compose_rows
from pipeline.digits.row_training.fit import RowTraining
from pipeline.digits.splits import DIGIT_NAMES, Split
from pipeline.stages import train_rows
from pipeline.stages.prepared import DatasetInfo
from pipeline.stages.training_report import load_row_examples
from pipeline.system.errors import InputError


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "REPORTS", tmp_path / "reports")
    monkeypatch.setattr(train_rows, "ROWS_MODEL", tmp_path / "rows")
    return tmp_path


def test_without_epochs_the_network_and_its_report_go(project):
    for old in ("rows/rows.onnx", "reports/train-rows/examples.npz"):
        (project / old).parent.mkdir(parents=True, exist_ok=True)
        (project / old).write_bytes(b"of an earlier training")
    train_rows.run(validate(compose(["rows.epochs=0"])))
    left = {file.relative_to(project).as_posix() for file in project.rglob("*") if file.is_file()}
    assert left == {"rows/settings.json", "reports/train-rows/metrics.json"}


@pytest.mark.parametrize(
    ("names", "size", "told"),
    [
        (["shirt", "boot"], (28, 28), "not the digits 0 to 9"),
        (list(DIGIT_NAMES), (16, 20), "20 x 16 pixels"),
    ],
)
def test_what_is_no_digit_is_refused_in_one_line(names, size, told):
    train = Split(np.zeros((1, *size), np.uint8), np.zeros(1, np.uint8))
    with pytest.raises(InputError, match=told) as caught:
        train_rows._refuse_others(DatasetInfo("things", "d" * 64, names, None), train)
    assert "\n" not in str(caught.value)


def test_the_report_holds_rows_with_what_is_read_in_them(project, digits_like):
    rows = compose_rows(digits_like, 30, np.random.default_rng(0))
    answers = np.zeros((*rows.labels.shape, NONE + 1), np.float32)
    answers[:, :, NONE] = 1
    place = int(np.flatnonzero(rows.labels[1] < NONE)[0])
    answers[1, place] = np.eye(NONE + 1)[7]
    training = RowTraining(None, rows, answers)
    files = train_rows.report(training, {"val_rows_right": 0.5}, "rows · 1 epoch")
    assert [file.name for file in files] == ["metrics.json", "examples.npz"]
    assert json.loads(files[0].read_text()) == {"val_rows_right": 0.5}
    examples = load_row_examples(files[1].parent)
    assert examples.title == "rows · 1 epoch"
    assert np.array_equal(examples.images, rows.images[: train_rows.SHOWN])
    assert examples.digits[1] == "".join(str(each) for each in rows.labels[1] if each < NONE)
    ((row, middle, digit),) = examples.found
    assert (row, digit) == (1, 7)
    assert place * STRIDE <= middle <= (place + 1) * STRIDE
