"""What holds for all figures: notes, room for every word, and the same file for the same data."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from support.figures import EVERY, NOTE, SIZES, png, texts

from pipeline.plots.style.look import NOTE_FILL

ROOT = Path(__file__).parents[2]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Figure], list[Text]]]:
    """Gives the texts that a figure really draws (axes also hold labels of ticks out of view)."""
    seen: list[Text] = []
    draw = Text.draw
    monkeypatch.setattr(Text, "draw", lambda self, r: (seen.append(self), draw(self, r))[1])

    def draw_and_list(figure: Figure) -> list[Text]:
        seen.clear()
        figure.canvas.draw()
        return [each for each in dict.fromkeys(seen) if each.get_text().strip()]

    return draw_and_list


@pytest.mark.parametrize("name", EVERY)
def test_the_note_is_on_every_figure_and_in_a_box(name: str) -> None:
    figure = EVERY[name]()
    assert NOTE in texts(figure)
    assert any(
        isinstance(artist, FancyBboxPatch) and to_hex(artist.get_facecolor()).upper() == NOTE_FILL
        for artist in figure.get_children()
    )


@pytest.mark.parametrize("name", SIZES)
def test_no_text_leaves_the_page_or_covers_another_or_a_picture(
    name: str, drawn: Callable[[Figure], list[Text]]
) -> None:
    figure = SIZES[name]()
    labels = drawn(figure)
    assert isinstance(figure.canvas, FigureCanvasAgg)
    renderer = figure.canvas.get_renderer()
    boxes = np.array([each.get_window_extent(renderer).extents for each in labels])
    pictures = [image.get_window_extent(renderer).extents for image in figure.findobj(AxesImage)]
    everything = np.vstack([boxes, *[np.reshape(pictures, (-1, 4))]])

    page = figure.bbox.extents
    outside = (boxes[:, :2] < page[:2] - 1).any(1) | (boxes[:, 2:] > page[2:] + 1).any(1)
    assert not [labels[i].get_text() for i in np.flatnonzero(outside)]

    overlap = np.minimum(boxes[:, None, 2:], everything[None, :, 2:]) - np.maximum(
        boxes[:, None, :2], everything[None, :, :2]
    )
    touching = (overlap > 1.0).all(axis=2)
    np.fill_diagonal(touching, val=False)
    words = [each.get_text() for each in labels] + ["<picture>"] * len(pictures)
    assert not [(words[i], words[j]) for i, j in np.argwhere(touching)]


@pytest.mark.parametrize("name", EVERY)
def test_the_same_data_gives_the_same_file_whatever_the_settings(name: str, tmp_path: Path) -> None:
    first = png(EVERY[name](), tmp_path, "first.png")
    with matplotlib.rc_context({"font.size": 31, "axes.facecolor": "pink", "figure.dpi": 40}):
        second = png(EVERY[name](), tmp_path, "second.png")
    assert first == second
    assert b"tIME" not in first
    assert b"Software" not in first


def test_pyplot_is_never_imported() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests'); from support.figures import EVERY; "
        "[make() for make in EVERY.values()]; sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
