from pathlib import Path

import pytest
from support.figures import history, png, texts

from pipeline.plots.train import learning_curves


def test_learning_curves_mark_the_chosen_epoch_with_its_values() -> None:
    records = history(30)
    figure = learning_curves(records, 14, "mlp 128-128")
    for axes, name, factor in zip(figure.axes, ("loss", "accuracy"), (1, 100), strict=True):
        line = next(line for line in axes.lines if line.get_gid() == "chosen")
        assert set(line.get_xdata()) == {14}
        marker = next(line for line in axes.lines if line.get_marker() == "D")
        (x,), (y,) = marker.get_data()
        assert (x, y) == (14, pytest.approx(records[13][f"val_{name}"] * factor))
        training = next(line for line in axes.lines if line.get_label() == "training")
        assert list(training.get_ydata()) == pytest.approx([r[name] * factor for r in records])
    words = texts(figure)
    assert f"validation loss: {records[13]['val_loss']:.4f}" in words
    assert f"validation accuracy: {records[13]['val_accuracy'] * 100:.2f} %" in words
    assert "chosen epoch: 14" in words
    assert "30 epochs, learning rate 0.001" in words


def test_a_learning_rate_that_falls_is_told_from_first_to_last() -> None:
    records = history(3)
    records[2]["learning_rate"] = 0.00012345
    assert "learning rate 0.001 to 0.000123" in texts(learning_curves(records, 3))


def test_one_epoch_is_seen_as_dots() -> None:
    figure = learning_curves(history(1), 1)
    curves = [
        line for line in figure.axes[0].lines if line.get_label() in ("training", "validation")
    ]
    assert [line.get_marker() for line in curves] == ["o", "o"]


def test_a_training_that_diverged_still_gets_its_curves(tmp_path: Path) -> None:
    records = history(3)
    records[1] |= {"loss": float("nan"), "val_loss": float("inf")}
    figure = learning_curves(records, 3)
    assert png(figure, tmp_path)
    assert figure.axes[0].get_ylim()[1] < 1


def test_an_epoch_that_was_not_trained_cannot_be_chosen() -> None:
    with pytest.raises(ValueError, match="no epoch 4"):
        learning_curves(history(3), 4)
