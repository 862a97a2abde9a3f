"""Confidence in whole strings is found on lines that the network did not learn from."""

import numpy as np
import pytest
from support.lines import bar_reader

from pipeline.digits.line_training import calibration
from pipeline.digits.line_training.calibration import fit_calibration, hold_out, read_held_out
from pipeline.digits.recognition.lines.format import HEIGHT, label_places
from pipeline.digits.recognition.lines.reader import calibrate
from pipeline.digits.splits import Split


def test_calibration_makes_strings_as_sure_as_they_are_right():
    rng = np.random.default_rng(0)
    probabilities = rng.uniform(0.3, 0.95, 4000)
    right = rng.random(4000) < [calibrate(each, 0.7, -0.5) for each in probabilities]
    slope, offset = fit_calibration(probabilities, right)
    assert slope == pytest.approx(0.7, abs=0.1)
    assert offset == pytest.approx(-0.5, abs=0.1)


@pytest.mark.parametrize("right", [True, False])
def test_where_all_lines_are_alike_the_surer_are_still_the_surer(right):
    slope, offset = fit_calibration([0.3, 0.6, 0.9], [right] * 3)
    assert slope >= 0
    assert max(slope, abs(offset)) < 20


def test_confidence_that_tells_nothing_is_not_turned_round():
    slope, _ = fit_calibration([0.2, 0.3, 0.8, 0.9] * 20, [True, True, False, False] * 20)
    assert slope == pytest.approx(0, abs=1e-6)


def test_held_out_lines_are_read_as_pictures():
    strip = np.full((HEIGHT, 144), 255, np.uint8)
    strip[6:26, 30:34] = strip[6:26, 60:64] = 0
    labels = label_places([32.0, 62.0], [0, 1], 144), label_places([32.0], [0], 144)
    lines = Split(np.stack([strip, strip]), np.stack(labels))
    first, second = read_held_out(bar_reader(), lines)
    assert (first.text, first.truth, second.truth) == ("01", "01", "0")
    assert first.probability == pytest.approx(0.95**2, abs=1e-3)
    assert first.middles == pytest.approx((32, 62), abs=1)
    assert [first.right, second.right] == [True, False]


def test_the_same_seed_holds_out_the_same_lines(blocks, monkeypatch):
    monkeypatch.setattr(calibration, "HELD_OUT", 3)
    first, again, other = (hold_out(blocks, seed) for seed in (1, 1, 2))
    assert first.images.tobytes() == again.images.tobytes() != other.images.tobytes()
