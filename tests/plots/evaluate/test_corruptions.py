import pytest
from support.figures import corrupted, texts

from pipeline.plots.evaluate.corruptions import Corrupted, corruption_bars


def test_each_kind_has_a_bar_of_its_length_with_its_example() -> None:
    clean = Corrupted("as they are", corrupted(0.99)[0].example, 0.99)
    figure = corruption_bars(corrupted(0.25, 1.0, 0.5), 1000, 0.0123, clean)
    (axes,) = figure.axes
    names = [text.get_text() for text in axes.texts]
    assert names[::2] == ["as they are", "impulse noise", "dotted line", "shot noise"]
    assert names[1::2] == ["99.0 %", "100.0 %", "50.0 %", "25.0 %"]
    assert len(axes.images) == 4
    widths = [box.get_width() for box in axes.patches if box.get_edgecolor()[3] == 0]
    whole = max(widths)
    assert widths[::2] == [whole] * 4
    assert [width / whole for width in widths[1::2]] == pytest.approx([0.99, 1.0, 0.5, 0.25])


def test_the_mean_comes_with_its_standard_error_and_the_number_of_pictures() -> None:
    clean = Corrupted("as they are", corrupted(1)[0].example, 1.0)
    said = texts(corruption_bars(corrupted(0.25, 0.75), 1000, 0.0123, clean))
    assert "50.0 % read right on average over 2 kinds, standard error 1.2 %" in said
    assert "1,000 test pictures of each kind, in the style of MNIST-C" in said
