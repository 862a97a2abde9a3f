import numpy as np
import pytest

from pipeline.plots.evaluate.per_class import class_scores


def test_both_numbers_of_each_class_are_drawn() -> None:
    figure = class_scores(np.array([0.9, 0.8]), np.array([0.7, 1.0]), ["a", "b"])
    points = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}
    assert points["precision"] == pytest.approx([90, 80])
    assert points["recall"] == pytest.approx([70, 100])
