import pytest
from matplotlib.container import ErrorbarContainer
from support.figures import configurations, texts

from pipeline.plots import intervals as module


def test_every_configuration_has_its_mean_and_interval_of_both_parts() -> None:
    figure = module.intervals(configurations(3))
    (axes,) = figure.axes
    bars = [each for each in axes.containers if isinstance(each, ErrorbarContainer)]
    assert [bar.get_label() for bar in bars] == ["validation", "test"]
    (best, *_) = bars[0].lines[2][0].get_segments()
    assert best[:, 0] == pytest.approx([98.5, 99.5])


def test_what_has_no_room_is_counted() -> None:
    assert "5 more not shown" in texts(module.intervals(configurations(module.MOST_ROWS + 5)))


def test_the_best_and_its_ties_are_shaded() -> None:
    figure = module.intervals(configurations(5))
    assert len(figure.axes[0].patches) == 2
