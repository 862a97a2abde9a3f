import numpy as np
import pytest
from support.figures import BINS, texts

from pipeline.plots.evaluate import calibration


def test_filled_bins_and_both_errors_are_shown() -> None:
    figure = calibration.reliability_diagram(
        BINS, BINS, ece_before=0.0123, ece_after=0.0045, temperature=1.25
    )
    before = figure.axes[0].containers[0][0]
    assert list(before.get_xdata()) == pytest.approx([30, 72, 97])
    assert list(before.get_ydata()) == pytest.approx([0, 60, 99])
    assert "1.23 % before, 0.45 % after" in texts(figure)
    assert "Temperature 1.250" in texts(figure)


def test_every_bin_says_how_many_pictures_it_holds() -> None:
    figure = calibration.reliability_diagram(BINS, BINS, ece_before=0.0, ece_after=0.0)
    before, after = figure.axes[1].containers
    assert [bar.get_height() for bar in before] == [bar.get_height() for bar in after] == [
        0, 1, 10, 9000
    ]  # fmt: skip
    assert "Temperature" not in texts(figure)


def test_the_interval_of_a_share_is_wilsons() -> None:
    low, high = calibration._wilson(np.array([0.0, 0.5]), np.array([10.0, 100.0]))
    # Worked by hand from the formula: 0 of 10, and 50 of 100.
    assert low == pytest.approx([0.0, 0.4038], abs=1e-4)
    assert high == pytest.approx([0.2775, 0.5962], abs=1e-4)
