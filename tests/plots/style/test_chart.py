import pytest

from pipeline.plots.style.chart import draw_epochs, legend_above_all, new_chart, start_at_one


def test_the_legend_of_all_axes_stands_in_the_room_left_for_it() -> None:
    figure = new_chart("a", 3.0, legend_height=0.5)
    left, right = figure.subplots(1, 2)
    (line,) = left.plot([1, 2], [3, 4])
    legend_above_all(figure, [line], ["a line"])
    figure.canvas.draw()
    box = figure.legends[0].get_window_extent()
    assert box.y0 >= max(axes.get_tightbbox().y1 for axes in (left, right))
    assert box.y1 <= min(text.get_window_extent().y0 for text in figure.texts)


@pytest.mark.parametrize(("epochs", "marker"), [(25, "o"), (26, "")])
def test_epochs_are_marked_where_they_are_few(epochs: int, marker: str) -> None:
    axes = new_chart("a", 3.0).subplots()
    draw_epochs(axes, range(1, epochs + 1), [0.5] * epochs)
    assert axes.lines[0].get_marker() == marker


def test_an_axis_that_starts_at_one_shows_no_zero() -> None:
    axes = new_chart("a", 3.0).subplots()
    draw_epochs(axes, [1, 2, 3], [0.5] * 3)
    start_at_one(axes, 3)
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1, 2, 3]
