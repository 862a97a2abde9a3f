import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from support.figures import texts, trials

from pipeline.plots import sweep
from pipeline.plots.style.look import VERMILLION


def framed(figure: Figure) -> tuple[str, str, str]:
    """Return the network, the number of epochs and the text of the cell that a heat map frames."""
    axes = figure.axes[0]
    frame, *_ = (patch for patch in axes.patches if isinstance(patch, Rectangle))
    column, row = (round(edge + 0.5) for edge in frame.get_xy())
    network, epochs = axes.get_yticklabels()[row], axes.get_xticklabels()[column]
    cell = next(each for each in axes.texts if each.get_position() == (column, row))
    return network.get_text(), epochs.get_text(), cell.get_text()


def trial(network: int, epochs: int, accuracy: float) -> dict[str, object]:
    return {
        "network": f"mlp {network}",
        "epochs": epochs,
        "val_accuracy": accuracy,
        "parameters": 100 * network,
    }


@pytest.mark.parametrize("trials_of_each", [1, 3])
def test_the_heat_map_frames_the_best_however_many_networks_there_are(trials_of_each: int) -> None:
    rows = [
        trial(network, epochs, 0.9 + network / 1000 + epochs / 10_000)
        for network in range(40, 0, -1)
        for epochs in range(trials_of_each, 0, -1)
    ]
    figure = sweep.heatmap(rows)
    best = 90 + 4 + trials_of_each / 100
    assert framed(figure) == ("mlp 40", str(trials_of_each), f"{best:.2f}")
    assert f"{40 - sweep.MOST_CELLS} of 40 networks not shown" in texts(figure)
    assert "numbers of epochs not shown" not in texts(figure)


def test_a_sparse_heat_map_of_many_epochs_frames_the_best() -> None:
    # The smallest networks have the largest numbers of epochs, so no two trials share a line.
    rows = [trial(41 - epochs, epochs, 0.9 + epochs / 1000) for epochs in range(40, 0, -1)]
    figure = sweep.heatmap(rows)
    assert framed(figure) == ("mlp 1", "40", "94.00")
    assert "16 of 40 networks not shown; 16 of 40 numbers of epochs not shown" in texts(figure)


def test_the_heat_map_shows_means_with_their_intervals_and_the_ties_dashed() -> None:
    rows = [
        trial(64, 2, 0.98) | {"val_accuracy_high": 0.9812, "tied": False},
        trial(32, 2, 0.97) | {"val_accuracy_high": 0.9803, "tied": True},
        trial(16, 2, 0.9) | {"val_accuracy_high": 0.9005, "tied": False},
    ]
    figure = sweep.heatmap(rows)
    frames = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert sorted(frame.get_linestyle() for frame in frames) == ["-", "--"]
    words = texts(figure)
    assert "98.00 ± 0.12" in words
    assert "dashed: ties" in words


def test_costs_ring_the_best_and_join_what_nothing_cheaper_is_as_good_as() -> None:
    figure = sweep.cost(trials(4, 3))
    assert "the best, mlp 16-16, 6 epochs, 94.71 %" in texts(figure)
    for axes, key in zip(figure.axes, ("parameters", "training_seconds"), strict=True):
        (front,) = axes.lines
        costs, shares = front.get_data()
        assert (np.diff(costs) > 0).all()
        assert (np.diff(shares) > 0).all()
        ring = axes.collections[1].get_offsets()[0]
        assert ring[0] == trials(4, 3)[0][key]


@pytest.mark.parametrize("most", [9, 25, 60, 250, 2000, 90_000])
def test_a_logarithmic_axis_has_more_than_one_label_and_not_too_many(most: int) -> None:
    # From 2 on, so that not even the first power of ten is among the costs.
    rows = [trial(size, 1, 0.9) | {"training_seconds": size} for size in (2, 2 * most)]
    figure = sweep.cost(rows)
    figure.canvas.draw()
    for axes in figure.axes:
        low, high = axes.get_xlim()
        assert 2 <= sum(low <= tick <= high for tick in axes.get_xticks()) <= 7


def test_parallel_lines_run_through_the_settings_that_differ() -> None:
    figure = sweep.parallel(trials(2, 2), ["network", "epochs", "learning_rate", "parameters"])
    (axes,) = figure.axes
    words = texts(figure)
    assert words.index("network") < words.index("epochs") < words.index("validation accuracy (%)")
    lines = [line for line in axes.lines if line.get_linewidth() > 1.5]
    best = next(line for line in lines if to_hex(line.get_color()).upper() == VERMILLION)
    assert list(best.get_ydata()) == [1, 1, 0, 1, 1]  # large, long, a low rate, many parameters
    assert best is lines[-1], "drawn on top"


def test_settings_that_never_change_get_no_axis() -> None:
    words = texts(sweep.parallel(trials(1, 3), ["network", "epochs", "learning_rate"]))
    assert "epochs" in words
    assert "learning_rate" not in words


def test_the_low_heat_map_shows_the_best_networks_and_fits_the_top_of_a_page() -> None:
    rows = [
        trial(network, epochs, 0.9 + network / 1000 + epochs / 10_000)
        for network in range(40, 0, -1)
        for epochs in range(9, 0, -1)
    ]
    figure = sweep.low_heatmap(rows)
    assert figure.get_figheight() * figure.dpi <= 140
    assert framed(figure) == ("mlp 40", "9 epochs", "94.09")
