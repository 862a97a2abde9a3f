import numpy as np
from matplotlib.image import AxesImage
from support.figures import DIGITS, SIZES, texts

from pipeline.plots.evaluate.mistakes import worst_mistakes


def test_the_wrong_ones_are_shown_most_confident_first() -> None:
    images = np.stack([np.full((28, 28), 10 * i, np.uint8) for i in range(5)])
    figure = worst_mistakes(
        images,
        np.array([0, 1, 2, 3, 4]),
        np.array([0, 7, 8, 3, 9]),
        np.array([1.0, 0.6, 0.9, 0.99, 0.75]),
        DIGITS,
        limit=2,
    )
    shown = [int(image.get_array()[0, 0]) for image in figure.findobj(AxesImage)]
    assert shown == [20, 40]
    words = texts(figure)
    assert words.index("2 → 8 90 % sure") < words.index("4 → 9 75 % sure")
    assert "the 2 most confident of 3" in words


def test_no_mistakes_are_good_news() -> None:
    assert "all 3 pictures were read right" in texts(SIZES["no mistake"]())
