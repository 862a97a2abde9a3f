"""What trainings leave for evaluate to draw comes back as it was, or is refused in one line."""

import numpy as np
import pytest

from pipeline.stages.training_report import (
    LineExamples,
    load_line_examples,
    read_history,
    write_history,
)
from pipeline.system.errors import InputError

HISTORY = [
    {"epoch": 1, "loss": 0.1 + 0.2, "val_accuracy": 0.9, "seconds": 3.0, "ended": 5e8},
    {"epoch": 2, "loss": 1e-7, "val_accuracy": 0.95, "seconds": 4.0, "ended": 6e8},
]
EXAMPLES = LineExamples(
    "lines · 8 rounds",
    np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    ["31", ""],
    np.array([[0, 1.5, 3], [0, 3.0, 1]]),
)


def test_a_history_comes_back_to_the_last_digit_but_without_seconds(tmp_path):
    write_history(tmp_path, HISTORY, "mlp 8 · 2 epochs")
    history, title = read_history(tmp_path)
    assert title == "mlp 8 · 2 epochs"
    assert history == [
        {k: v for k, v in each.items() if k not in ("seconds", "ended")} for each in HISTORY
    ]


@pytest.mark.parametrize("table", [None, "epoch,loss\n1,none\n", "epoch,loss\n1\n"])
def test_a_missing_or_damaged_history_is_refused_in_one_line(table, tmp_path):
    write_history(tmp_path, HISTORY, "mlp")
    (tmp_path / "history.csv").unlink()
    if table:
        (tmp_path / "history.csv").write_text(table)
    with pytest.raises(InputError, match="run `dvc repro train`") as caught:
        read_history(tmp_path)
    assert "\n" not in str(caught.value)


def test_examples_of_lines_come_back_as_they_were(tmp_path):
    EXAMPLES.save(tmp_path)
    found = load_line_examples(tmp_path)
    assert (found.title, found.digits) == (EXAMPLES.title, EXAMPLES.digits)
    assert np.array_equal(found.images, EXAMPLES.images)
    assert np.array_equal(found.found, EXAMPLES.found)


def test_the_same_examples_give_the_same_bytes(tmp_path):
    first, second = (EXAMPLES.save(tmp_path / name).read_bytes() for name in "ab")
    assert first == second


def test_where_no_lines_were_trained_there_are_no_examples(tmp_path):
    assert load_line_examples(tmp_path) is None
