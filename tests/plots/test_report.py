from matplotlib.colors import to_hex
from support.figures import curve, texts

from pipeline.plots.report import Curve, curves_together
from pipeline.plots.style.look import LIGHT_GREY, VERMILLION


def test_the_first_curves_have_colours_and_names_and_the_others_are_counted() -> None:
    figure = curves_together([curve(number) for number in range(11)])
    words = texts(figure)
    assert "mlp 64" in words
    assert "mlp 128" not in words
    assert "4 more" in words
    colors = [to_hex(line.get_color()).upper() for line in figure.axes[1].lines[::-1]]
    assert len(set(colors[:7])) == 7
    assert colors[0] == VERMILLION, "the best is drawn last, on top"
    assert set(colors[7:]) == {LIGHT_GREY}


def test_loss_is_in_nats_and_accuracy_in_per_cent_from_the_first_epoch_on() -> None:
    loss, accuracy = curves_together([curve(1)]).axes
    assert list(loss.lines[0].get_ydata()) == list(curve(1).loss)
    assert list(accuracy.lines[0].get_ydata()) == [100 * share for share in curve(1).accuracy]
    assert loss.get_xlim()[0] == 0.5


def test_several_seeds_are_one_curve_with_its_band() -> None:
    accuracy, loss = [{1: 0.8, 2: 0.9}, {1: 0.7, 2: 0.95}], [{1: 0.5, 2: 0.4}, {1: 0.7, 2: 0.2}]
    together = Curve.of("mlp · 2 seeds", accuracy, loss)
    assert list(together.accuracy) == [0.75, 0.925]
    assert together.accuracy_band == ([0.7, 0.9], [0.8, 0.95])
    figure = curves_together([together, curve(1)])
    assert [len(axes.collections) for axes in figure.axes] == [1, 1]
    assert "bands: from the lowest to the highest" in texts(figure)


def test_one_seed_has_no_band() -> None:
    alone = Curve.of("mlp", [{1: 0.8}], [{1: 0.5}])
    assert alone.accuracy_band is None
    assert "bands" not in texts(curves_together([alone]))
