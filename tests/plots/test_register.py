from matplotlib.image import AxesImage
from support.figures import DIGITS, WORDS, gain, texts

from pipeline.plots.register import disagreements


def test_each_network_has_its_pictures_and_their_number() -> None:
    figure = disagreements("3 against 1", "both", [gain(40), gain(2, version=1)], DIGITS)
    words = texts(figure)
    assert "only version 3 is right: 40, 24 of them shown" in words
    assert "only version 1 is right: 2 " in words
    assert len(figure.findobj(AxesImage)) == 24 + 2


def test_what_the_other_network_read_is_never_shortened_away() -> None:
    words = texts(disagreements("3 against 1", "both", [gain(4)], WORDS))
    assert "Trousers, not A v…ass" in words
    assert words.count(", not ") == 4
