import numpy as np
import pytest
from matplotlib.image import AxesImage

from pipeline.plots.style.canvas import draw_picture, fit, new_canvas


@pytest.mark.parametrize(
    ("picture", "low", "high"),
    [
        (np.array([[False, True]]), 0, 255),
        (np.array([[-1.0, 1.0]]), 0, 255),
        (np.array([[np.nan, 1.0]]), 0, 255),
        (np.array([[7.0, 7.0]]), 0, 0),
        (np.array([[3, 200]], np.uint8), 3, 200),
    ],
)
def test_pictures_of_other_types_are_stretched_to_black_and_white(picture, low, high) -> None:
    figure, axes = new_canvas("a", 2.0)
    draw_picture(axes, picture, (0, 0, 1, 1))
    (image,) = figure.findobj(AxesImage)
    assert (image.get_array().min(), image.get_array().max()) == (low, high)


def test_a_picture_keeps_its_shape_in_the_middle_of_its_box() -> None:
    assert fit(200, 100, (1.0, 2.0, 4.0, 4.0)) == (1.0, 3.0, 4.0, 2.0)
    assert fit(100, 200, (1.0, 2.0, 4.0, 4.0)) == (2.0, 2.0, 2.0, 4.0)


def test_a_canvas_is_measured_in_inches_from_its_upper_left_corner() -> None:
    figure, axes = new_canvas("a", 2.0)
    draw_picture(axes, np.zeros((5, 5), np.uint8), (0, 0, 1, 1))
    left, top = axes.transData.transform((0, 0))
    right, bottom = axes.transData.transform((1, 1))
    assert right - left == pytest.approx(figure.dpi)
    assert top - bottom == pytest.approx(figure.dpi)
