from matplotlib.colors import to_hex
from support.figures import line, texts

from pipeline.plots.evaluate.lines import line_grid
from pipeline.plots.style.look import INK, VERMILLION


def test_a_line_read_wrong_is_coloured_and_says_what_it_is() -> None:
    figure = line_grid([line("47"), line("41")], "lines")
    words = texts(figure)
    assert "1 mistakes that the network was surest of, and 1 read without a mistake" in words
    assert words.count("is ") == 1
    assert "is 41" in words
    colors = [to_hex(each.get_color()) for each in figure.axes[0].texts]
    assert colors == [c.lower() for c in [INK, INK, VERMILLION, VERMILLION, VERMILLION]]


def test_a_digit_is_written_below_its_place_in_the_line() -> None:
    (axes,) = line_grid([line("47")], "lines").axes
    (image,) = axes.images
    left, right, bottom, _ = image.get_extent()
    for label, middle in zip(axes.texts, (20.0, 70.5), strict=True):
        x, y = label.get_position()
        assert (x - left) / (right - left) * 96 == middle
        assert y > bottom
