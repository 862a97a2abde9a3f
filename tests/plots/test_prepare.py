import numpy as np
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from support.figures import texts

from pipeline.plots.prepare import Copy, class_balance, duplicate_grid, sample_grid


def test_samples_stand_in_the_row_of_their_class() -> None:
    images = np.stack([np.full((28, 28), value, np.uint8) for value in (10, 60, 110, 160)])
    figure = sample_grid(images, np.array([1, 0, 1, 0]), ["a", "b"])
    first, second = (np.unique(image.get_array()) for image in figure.findobj(AxesImage))
    assert set(first) == {60, 160, 255}
    assert set(second) == {10, 110, 255}


def test_class_balance_shows_every_count_and_the_sums() -> None:
    figure = class_balance({"train": [5, 0, 1234], "test": [1, 2, 3]}, ["a", "b", "c"])
    counts = [text.get_text() for text in figure.findobj(Text) if text.get_gid() == "count"]
    assert counts == ["5", "0", "1,234", "1", "2", "3"]
    heights = [bar.get_height() for bar in figure.axes[0].patches if isinstance(bar, Rectangle)]
    assert heights == [5, 0, 1234]
    words = texts(figure)
    assert "train: 1,239 pictures" in words
    assert "1,245 pictures in all" in words


def test_duplicates_stand_side_by_side_with_class_and_place() -> None:
    dark, light = np.full((2, 28, 28), [[[10]], [[200]]], np.uint8)
    pairs = [
        (Copy(dark, 0, "train 7"), Copy(light, 1, "test 1,234"), 0.0),
        (Copy(light, 1, "train 8"), Copy(light, 1, "test 9"), 0.0421),
    ]
    figure = duplicate_grid(pairs, 50, ["a", "b"])
    one, other, *_ = (image for image in figure.findobj(AxesImage))
    assert (one.get_array()[0, 0], other.get_array()[0, 0]) == (10, 200)
    assert one.get_extent()[1] < other.get_extent()[0]
    words = texts(figure)
    for expected in ("equal a train 7 b test 1,234", "distance 0.042 b train 8", "2 of 50 pairs"):
        assert expected in words
