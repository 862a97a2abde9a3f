"""A picture in a window."""

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

from pipeline.plots import window


@pytest.fixture
def only(monkeypatch):
    """Let matplotlib find one toolkit, or none; return those that were tried."""
    tried = []

    def switch(toolkit):
        tried.append(toolkit)
        if toolkit != available:
            raise ImportError(toolkit)

    def offer(name):
        nonlocal available
        available = name
        return tried

    available = None
    monkeypatch.setattr(pyplot, "switch_backend", switch)
    return offer


def test_the_first_toolkit_that_is_there_is_taken(only):
    tried = only("tkagg")
    assert window.open_toolkit()
    assert tried == [*window.TOOLKITS[: window.TOOLKITS.index("tkagg")], "tkagg"]


def test_without_a_toolkit_no_window_opens(only):
    tried = only(None)
    assert not window.open_toolkit()
    assert tried == [*window.TOOLKITS]


def test_a_window_shows_the_picture_below_its_answer(monkeypatch):
    assert matplotlib.get_backend() == "agg"
    shown = []
    monkeypatch.setattr(pyplot, "show", lambda block: shown.append(pyplot.gcf()))
    pixels = np.zeros((9, 7), np.uint8)
    window.show_picture(pixels, "7", "99 %, ok", "$seven$.png")
    (figure,) = shown
    assert [text.get_text() for text in figure.texts] == ["7", "99 %, ok"]
    assert figure.axes[0].images[0].get_array().shape == pixels.shape
    lowest = min(text.get_window_extent().y0 for text in figure.texts)
    assert figure.axes[0].get_window_extent().y1 < lowest
    assert not pyplot.get_fignums()
