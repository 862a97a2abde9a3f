import numpy as np
from matplotlib.colors import to_hex
from matplotlib.text import Text
from support.figures import texts

from pipeline.plots.evaluate.confusion import confusion_matrix


def test_mistakes_are_coloured_by_number_and_the_right_ones_are_grey() -> None:
    matrix = np.array([[990, 2, 0], [0, 950, 30], [7, 0, 985]])
    figure = confusion_matrix(matrix, ["a", "b", "c"])
    cells = [to_hex(patch.get_facecolor()) for patch in figure.axes[0].patches]
    grid = np.array(cells).reshape(3, 3)
    assert len(set(np.diag(grid))) == 1
    assert grid[0, 2] == grid[1, 0] == grid[2, 1] == "#ffffff"
    brightness = {spot: sum(bytes.fromhex(grid[spot][1:])) for spot in ((0, 1), (2, 0), (1, 2))}
    assert brightness[0, 1] > brightness[2, 0] > brightness[1, 2]
    counts = [text.get_text() for text in figure.findobj(Text) if text.get_gid() == "count"]
    assert counts == ["990", "2", "950", "30", "7", "985"]
    assert "2,925 of 2,964 right (98.68 %)" in texts(figure)
    assert "39 wrong" in texts(figure)
    assert "b read as c (30)" in texts(figure)


def test_numbers_on_dark_cells_are_white() -> None:
    figure = confusion_matrix(np.array([[9, 1], [30, 9]]), ["a", "b"])
    colors = [text.get_color() for text in figure.findobj(Text) if text.get_gid() == "count"]
    assert colors == ["#222222", "#222222", "white", "#222222"]


def test_a_matrix_without_mistakes_says_so() -> None:
    assert "No mistakes." in texts(confusion_matrix(np.diag([3, 4]), ["a", "b"]))
    assert "no pictures" in texts(confusion_matrix(np.zeros((2, 2), int), ["a", "b"]))
