"""Lines are composed of digits alone, and without a network for lines none is left lying about."""

import json

import numpy as np
import pytest

from pipeline.config import places
from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.digits.line_training.calibration import HeldOutReading
from pipeline.digits.splits import DIGIT_NAMES, Split
from pipeline.stages import train_lines
from pipeline.stages.prepared import DatasetInfo
from pipeline.stages.training_report import load_line_examples
from pipeline.system.errors import InputError


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "REPORTS", tmp_path / "reports")
    monkeypatch.setattr(train_lines, "LINES_MODEL", tmp_path / "lines")
    return tmp_path


def test_without_rounds_the_network_and_its_report_go(project):
    for old in ("lines/lines.onnx", "reports/train-lines/examples.npz"):
        (project / old).parent.mkdir(parents=True, exist_ok=True)
        (project / old).write_bytes(b"of an earlier training")
    train_lines.run(validate(compose(["lines.rounds=0"])))
    left = {file.relative_to(project).as_posix() for file in project.rglob("*") if file.is_file()}
    report = {"reports/train-lines.json", "reports/train-lines/metrics.json"}
    assert left == {"lines/settings.json", *report}


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
        train_lines._refuse_others(DatasetInfo("things", "d" * 64, names, None), train)
    assert "\n" not in str(caught.value)


def reading(truth, text, probability):
    middles = tuple(10.0 * place for place in range(len(text)))
    return HeldOutReading(np.zeros((32, 144), np.uint8), truth, text, probability, middles)


READINGS = [*(reading("12", "12", 0.9) for _ in range(30)), reading("5", "57", 0.6)]


def test_lines_are_counted_as_right_only_whole():
    measured = train_lines.measure(READINGS)
    assert measured == {"val_lines_right": 30 / 31, "val_surer_half_right": 1.0}


def test_the_report_holds_lines_read_and_misread(project):
    files = train_lines.report(READINGS, {"val_lines_right": 0.5}, "lines · 1 round")
    assert [file.name for file in files] == ["metrics.json", "examples.npz"]
    assert json.loads(files[0].read_text()) == {"val_lines_right": 0.5}
    examples = load_line_examples(files[1].parent)
    assert (examples.title, len(examples.images)) == ("lines · 1 round", train_lines.SHOWN)
    assert examples.digits[:2] == ["5", "12"], "what is misread comes first"
    assert examples.found[:2].tolist() == [[0, 0, 5], [0, 10, 7]]
