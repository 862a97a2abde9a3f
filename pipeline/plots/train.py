"""Figure of the evaluate stage: the learning curves of the training."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.plots.style import look, page

LEGEND_HEIGHT = 0.4  # inches


@look.styled
def learning_curves(
    history: Sequence[Mapping[str, float]],
    chosen_epoch: int,
    title: str = "Learning curves",
    note: str | None = None,
) -> Figure:
    """Show loss and accuracy by epoch on training and validation data, the chosen epoch marked.

    Args:
        history: One record an epoch with epoch (from 1), loss and val_loss (nats per picture),
            accuracy and val_accuracy (0..1), and learning_rate. At least one.
        chosen_epoch: The epoch whose weights were kept; one of the history's.
        title: What was trained.
        note: A warning shown above the curves.

    Raises:
        ValueError: The history does not hold the chosen epoch.
    """
    chosen = next((r for r in history if int(r["epoch"]) == chosen_epoch), None)
    if chosen is None:
        raise ValueError(f"the history of {len(history)} epochs holds no epoch {chosen_epoch}")
    figure = page.new_chart(
        title, 3.9, subtitle=_summary(history), note=note, legend_height=LEGEND_HEIGHT
    )
    loss, accuracy = figure.subplots(1, 2)
    _panel(loss, history, "loss", 1.0, chosen)
    _panel(accuracy, history, "accuracy", 100.0, chosen)
    loss.set_title(f"validation loss: {chosen['val_loss']:.4f}", loc="left")
    loss.set_ylabel("cross-entropy (nats)")
    accuracy.set_title(f"validation accuracy: {chosen['val_accuracy'] * 100:.2f} %", loc="left")
    accuracy.set_ylabel("accuracy (%)")
    page.legend_above(figure, *loss.get_legend_handles_labels(), ncols=3)
    return figure


def _summary(history: Sequence[Mapping[str, float]]) -> str:
    rates = [record["learning_rate"] for record in history]
    rate = f"{rates[0]:.3g}" if rates[0] == rates[-1] else f"{rates[0]:.3g} to {rates[-1]:.3g}"
    epochs = f"{len(history)} epoch{'s' if len(history) > 1 else ''}"
    return f"{epochs}, learning rate {rate}"


def _panel(
    axes: Axes,
    history: Sequence[Mapping[str, float]],
    name: str,
    factor: float,
    chosen: Mapping[str, float],
) -> None:
    epochs = [int(record["epoch"]) for record in history]
    curves = (
        ("training", name, look.BLUE, "--"),
        ("validation", f"val_{name}", look.VERMILLION, "-"),
    )
    for label, key, color, line in curves:
        values = [record[key] * factor for record in history]
        line_look = {"color": color, "linestyle": line, "markersize": 5, "label": label}
        page.draw_epochs(axes, epochs, values, **line_look)
    epoch = int(chosen["epoch"])
    axes.axvline(epoch, color=look.GREY, linestyle=":", linewidth=1.5, gid="chosen")
    axes.plot(
        epoch,
        chosen[f"val_{name}"] * factor,
        "D",
        color=look.VERMILLION,
        markeredgecolor=look.INK,
        markersize=10,
        label=f"chosen epoch: {epoch}",
        zorder=3,
    )
    axes.set_xlabel("epoch")
    axes.set_xlim(epochs[0] - 0.5, epochs[-1] + max(0.5, 0.02 * len(epochs)))
    axes.margins(y=0.12)
