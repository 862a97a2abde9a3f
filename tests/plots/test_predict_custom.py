import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import FancyBboxPatch
from support.figures import ITEMS, item, noise, texts

from pipeline.plots import predict_custom
from pipeline.plots.predict_custom import DigitMark, PredictionItem, prediction_grid
from pipeline.plots.style.look import BLUE, VERMILLION


def cells(figure: Figure) -> list[tuple[str, str]]:
    """(fill colour, line style) of each prediction's cell, in order."""
    width = pytest.approx(predict_custom._CELL_WIDTH)
    boxes = [box for box in figure.axes[0].patches if box.get_width() == width]
    return [(to_hex(box.get_facecolor()), box.get_linestyle()) for box in boxes]


def test_wrong_and_unsure_predictions_look_different() -> None:
    figure = prediction_grid(
        [item(label="3"), item(label="5"), item(status="unsure", detail="blank"), item()]
    )
    right, wrong, unsure, unknown = cells(figure)
    assert right == unknown
    assert len({right[0], wrong[0], unsure[0]}) == 3
    assert unsure[1] == "--"
    words = texts(figure)
    assert "✗ is 5" in words
    assert words.count("✓") == 1
    assert "3?" in words
    assert "unsure: blank" in words
    assert "98 %" in words
    assert "1 of 2 right" in words


def test_both_pictures_are_shown_side_by_side() -> None:
    original, seen = noise(40, 50, 3), noise(28, 28)
    figure = prediction_grid([item(thumbnail=original, seen=seen)])
    left, right = figure.findobj(AxesImage)
    assert np.array_equal(left.get_array(), original)
    assert np.array_equal(right.get_array(), seen)
    assert left.get_extent()[1] < right.get_extent()[0]


def test_a_picture_that_could_not_be_read_says_why() -> None:
    words = texts(prediction_grid([ITEMS[4]]))
    assert "no answer" in words
    assert "error: not a picture" in words
    assert "is 1" in words


def test_the_pictures_that_are_not_shown_are_counted() -> None:
    first = prediction_grid([item(label="3")] * 4, total=1000)
    assert "and 996 more pictures not shown" in texts(first)
    assert "1,000 pictures" in texts(first)
    assert "of the first 4, 4 of 4 right" in texts(first)
    assert "and 1 more picture not shown" in texts(prediction_grid([item()], total=2))


def test_the_annotated_picture_shows_every_digit_in_its_box() -> None:
    marks = [DigitMark((0.1, 0.2, 0.2, 0.5), 4, True), DigitMark((0.5, 0.2, 0.2, 0.5), 7, False)]
    picture = np.full((100, 200), 255, np.uint8)
    item = PredictionItem("a.png", picture, None, "47", 0.4, "unsure", "", "4 7", marks)
    assert item.right
    assert not item.wrong
    axes = prediction_grid([item]).axes[0]
    drawn = {text.get_text(): text for text in axes.texts}
    assert {"47?", "4", "7", "✓"} <= set(drawn)
    (image,) = axes.images
    left, right, bottom, top = image.get_extent()
    sizes = {(p.get_x(), p.get_y()): p for p in axes.patches if isinstance(p, FancyBboxPatch)}
    for mark, color in zip(marks, (BLUE, VERMILLION), strict=True):
        x, y, w, h = mark.box
        at = left + x * (right - left), top + y * (bottom - top)
        (box,) = [patch for place, patch in sizes.items() if place == pytest.approx(at)]
        assert box.get_width() == pytest.approx(w * (right - left))
        assert box.get_height() == pytest.approx(h * (bottom - top))
        text = drawn[str(mark.digit)]
        assert text.get_position()[0] == pytest.approx(at[0] + box.get_width() / 2)
        assert text.get_bbox_patch().get_facecolor() == pytest.approx(to_rgba(color))
