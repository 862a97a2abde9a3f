"""Figure of the evaluate stage: the learning curves."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.plots.style.chart import draw_epochs, legend_above_all, new_chart, start_at_one
from pipeline.plots.style.look import BLUE, GREY, INK, VERMILLION, styled
from pipeline.plots.style.numbers import counted, percent, setting_text

_LEGEND_HEIGHT = 0.4  # inches


@styled
def learning_curves(
    history: Sequence[Mapping[str, float]],
    chosen_epoch: int,
    title: str = "Learning curves",
    note: str | None = None,
) -> Figure:
    """Show loss and accuracy by epoch on training and validation data, the chosen epoch marked.

    Args:
        history: One record per epoch with epoch (from 1), loss and val_loss (nats per picture),
            accuracy and val_accuracy (0..1), and learning_rate. At least one.
        chosen_epoch: The epoch whose weights were kept; one of the history's.
        title: What was trained.
        note: A warning shown above the curves.

    Raises:
        ValueError: The chosen epoch is not in the history.
    """
    chosen = next((r for r in history if int(r["epoch"]) == chosen_epoch), None)
    if chosen is None:
        raise ValueError(f"the history of {len(history)} epochs holds no epoch {chosen_epoch}")
    figure = new_chart(
        title, 3.9, subtitle=_summary(history), note=note, legend_height=_LEGEND_HEIGHT
    )
    loss, accuracy = figure.subplots(1, 2)
    _panel(loss, history, "loss", 1.0, chosen)
    _panel(accuracy, history, "accuracy", 100.0, chosen)
    loss.set_title(f"validation loss: {chosen['val_loss']:.4f}", loc="left")
    loss.set_ylabel("cross-entropy (nats)")
    accuracy.set_title(f"validation accuracy: {percent(chosen['val_accuracy'])}", loc="left")
    accuracy.set_ylabel("accuracy (%)")
    legend_above_all(figure, *loss.get_legend_handles_labels(), ncols=3)
    return figure


def _summary(history: Sequence[Mapping[str, float]]) -> str:
    rates = [history[at]["learning_rate"] for at in (0, -1)]
    rate = " to ".join(dict.fromkeys(map(setting_text, rates)))
    return f"{counted(len(history), 'epoch')}, learning rate {rate}"


def _panel(
    axes: Axes,
    history: Sequence[Mapping[str, float]],
    name: str,
    factor: float,
    chosen: Mapping[str, float],
) -> None:
    epochs = [int(record["epoch"]) for record in history]
    curves = (("training", name, BLUE, "--"), ("validation", f"val_{name}", VERMILLION, "-"))
    for label, key, color, line in curves:
        values = [record[key] * factor for record in history]
        draw_epochs(axes, epochs, values, color=color, linestyle=line, markersize=5, label=label)
    _mark_chosen(axes, int(chosen["epoch"]), chosen[f"val_{name}"] * factor)
    axes.set_xlabel("epoch")
    start_at_one(axes, epochs[-1])
    axes.margins(y=0.12)


def _mark_chosen(axes: Axes, epoch: int, value: float) -> None:
    axes.axvline(epoch, color=GREY, linestyle=":", linewidth=1.5, gid="chosen")
    axes.plot(
        epoch,
        value,
        "D",
        color=VERMILLION,
        markeredgecolor=INK,
        markersize=10,
        label=f"chosen epoch: {epoch}",
        zorder=3,
    )
