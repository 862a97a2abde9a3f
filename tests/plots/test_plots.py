"""The figures: what they say, that nothing on them overlaps, and that they become the same file."""

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
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.text import Text

from pipeline.plots import (
    evaluate,
    predict_custom,
    prepare,
    register,
    report,
    search,
    sweep,
    train,
    train_rows,
)
from pipeline.plots.predict_custom import PredictionItem
from pipeline.plots.style import page, text

NOTE = "Stand-in data: 5,000 digits; for the real ones run the command in the manual."
DIGITS = list("0123456789")
LETTERS = list("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
WORDS = [
    *["T-shirt", "Trousers", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Bag"],
    "A very long name of a class",
]


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)


def history(epochs: int) -> list[dict[str, float]]:
    return [
        {
            "epoch": float(epoch),
            "loss": 0.3 / epoch,
            "accuracy": 1 - 0.09 / epoch,
            "val_loss": 0.2 / epoch + 0.001 * epoch,
            "val_accuracy": 1 - 0.06 / epoch,
            "learning_rate": 0.001,
            "seconds": 1.5,
        }
        for epoch in range(1, epochs + 1)
    ]


def confusion(k: int, most: int = 60_000) -> np.ndarray:
    rng = np.random.default_rng(2)
    return rng.poisson(3, (k, k)) * (rng.random((k, k)) < 0.5) + np.diag(rng.integers(900, most, k))


BINS = (
    np.array([np.nan, 0.3, 0.72, 0.97]),
    np.array([np.nan, 0.0, 0.6, 0.99]),
    np.array([0, 1, 10, 9000]),
)


def item(**changes: object) -> PredictionItem:
    plain: dict[str, object] = {
        "file": "a.png",
        "thumbnail": noise(60, 90, 3),
        "seen": noise(28, 28),
        "digit": 3,
        "confidence": 0.987,
        "status": "ok",
        "detail": "",
        "label": None,
    }
    return PredictionItem(**{**plain, **changes})


ITEMS = [
    item(label="3"),
    item(label="5", file="a_very_long_file_name_from_a_scanner_2024-11-12_13.45.12_(2).png"),
    item(status="unsure", detail="two digits are nearly as likely, so that it was left open"),
    item(status="unsure", label="8", confidence=0.4),
    item(thumbnail=None, seen=None, digit=None, status="error", detail="not a picture", label="1"),
    item(file="$a_b$ {x^2} 数字\n\udcff.png", detail="the first of 12 frames"),
    item(confidence=1.0, label="3"),
]


def classes(names: list[str], note: str | None) -> dict[str, Callable[[], Figure]]:
    k = len(names)
    n = 40 * k
    images, labels = noise(n, 28, 28), np.arange(n) % k
    shares = np.linspace(0.9, 1, k)
    return {
        "samples": lambda: prepare.sample_grid(images, labels, names, note),
        "balance": lambda: prepare.class_balance(
            {"train": [54_321] * k, "test": list(range(k))}, names, note
        ),
        "confusion": lambda: evaluate.confusion_matrix(confusion(k), names, note),
        "mistakes": lambda: evaluate.worst_mistakes(
            images, labels, (labels + 1) % k, np.linspace(0.3, 1, n), names, note
        ),
        "per_class": lambda: evaluate.per_class(shares, shares[::-1], names, note),
    }


def others(note: str | None) -> dict[str, Callable[[], Figure]]:
    return {
        "curves": lambda: train.learning_curves(history(5), 3, note=note),
        "calibration": lambda: evaluate.calibration(
            BINS, BINS, ece_before=0.0123, ece_after=0.0045, temperature=1.25, note=note
        ),
        "rows": lambda: train_rows.row_grid(
            [
                train_rows.RowItem(noise(32, 96), [(20.0, 4), (70.5, 7)], [4, seven])
                for seven in (7, 1)
            ],
            "rows · 8 epochs",
            note,
        ),
        "predictions": lambda: predict_custom.prediction_grid(ITEMS, note),
        "disagreements": lambda: register.disagreements(
            "Version 3 against version 1", "10,000 test digits", [gain(40), gain(0)], WORDS, note
        ),
        "together": lambda: report.curves_together([curve(i) for i in range(11)], note),
    }


def gain(n: int) -> register.Gain:
    return register.Gain(
        "only version 3 is right", noise(n, 28, 28), np.arange(n) % 9, -np.arange(n) % 9
    )


def curve(number: int) -> report.Curve:
    epochs = (1, 5, 30)[number % 3]
    falling = [0.5 / (epoch + number) for epoch in range(1, epochs + 1)]
    rising = [1 - value for value in falling]
    return report.Curve(f"mlp {2**number}" * (number + 1), range(1, epochs + 1), rising, falling)


def trials(networks: int, epochs: int) -> list[dict[str, object]]:
    """Return the rows of a sweep: every network at every number of epochs, the best first."""
    rows = [
        {
            "network": f"mlp {2**size}-{2**size}",
            "epochs": 2 * length,
            "learning_rate": 0.001 / size,
            "val_accuracy": 0.99 - 0.3 / (size + length),
            "parameters": 1000 * size**2,
            "training_seconds": 1.7 * length * size,
        }
        for size in range(1, networks + 1)
        for length in range(1, epochs + 1)
    ]
    return sorted(rows, key=lambda row: -float(str(row["val_accuracy"])))


def sweeps(networks: int, epochs: int, note: str | None) -> dict[str, Callable[[], Figure]]:
    rows = trials(networks, epochs)
    axes = ["network", "epochs", "learning_rate"]
    shares = {f"model.hidden_units.{n}": 1 / 2**n for n in range(1, networks + 1)}
    return {
        "heatmap": lambda: sweep.heatmap(rows, note),
        "cost": lambda: sweep.cost(rows, note),
        "parallel": lambda: sweep.parallel(rows, axes, note),
        "search": lambda: search.history([float(str(r["val_accuracy"])) for r in rows], 3, note),
        "importance": lambda: search.importance(shares, "training_seconds", note),
    }


STEPS = [
    ("as given", noise(300, 200, 3)),
    ("grey, with the shadows of the paper flattened", noise(300, 200)),
    ("ink found", noise(300, 200) > 128),
    ("fitted", np.linspace(-1, 1, 400).reshape(20, 20)),
    ("with alpha", noise(20, 90, 4)),
    ("what the network sees", noise(28, 28)),
]

EVERY = {**classes(DIGITS, NOTE), **others(NOTE), **sweeps(4, 3, NOTE)}
SIZES = {
    **{f"{name}, 10 classes": make for name, make in classes(DIGITS, None).items()},
    **{f"{name}, 2 classes": make for name, make in classes(["a", "b"], NOTE).items()},
    **{f"{name}, 36 classes": make for name, make in classes(LETTERS, None).items()},
    **{f"{name}, words": make for name, make in classes(WORDS, None).items()},
    **others(NOTE),
    **{
        f"{name}, {networks} networks x {epochs}": make
        for networks, epochs in ((1, 1), (1, 4), (4, 3), (9, 12), (30, 2))
        for name, make in sweeps(networks, epochs, None).items()
    },
    **{
        f"{n} epochs": lambda n=n: train.learning_curves(history(n), n, "mlp 128-128 " * 6)
        for n in (1, 2, 12, 30, 500)
    },
    "1 picture": lambda: predict_custom.prediction_grid(ITEMS[:1], None),
    "more pictures": lambda: predict_custom.prediction_grid(ITEMS, NOTE, total=1000),
    "no picture": lambda: predict_custom.prediction_grid([], NOTE),
    "no mistake": lambda: evaluate.worst_mistakes(
        noise(3, 28, 28), np.zeros(3), np.zeros(3), np.ones(3), DIGITS, NOTE
    ),
    "1 step": lambda: predict_custom.explain_strip(STEPS[:1], "x.png"),
    "6 steps": lambda: predict_custom.explain_strip(STEPS, "a long title " * 12),
}


def texts(figure: Figure) -> str:
    """All words of a figure on one line."""
    return " ".join(" ".join(each.get_text() for each in figure.findobj(Text)).split())


def png(figure: Figure, folder: Path, name: str = "figure.png") -> bytes:
    page.save_figure(figure, folder / name)
    return (folder / name).read_bytes()


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
        isinstance(artist, FancyBboxPatch) and to_hex(artist.get_facecolor()) == "#fff3c4"
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


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = EVERY["curves"]()
    old = png(figure, tmp_path)

    def fail(path: Path, **_: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        page.save_figure(figure, tmp_path / "figure.png")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [old]


def test_pyplot_is_never_imported() -> None:
    code = (
        "import sys; from pipeline.plots import prepare, train, evaluate, predict_custom; "
        "train.learning_curves([dict(epoch=1, loss=1, accuracy=1, val_loss=1, val_accuracy=1, "
        "learning_rate=1, seconds=1)], 1); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def framed(figure: Figure) -> tuple[str, str, str]:
    """Return the network, the number of epochs and the text of the cell that a heat map frames."""
    axes = figure.axes[0]
    (frame,) = (patch for patch in axes.patches if isinstance(patch, Rectangle))
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


def test_the_importance_of_settings_says_for_what() -> None:
    figure = search.importance({"train.batch_size": 1.0}, "latency_ms")
    assert "the differences in latency_ms" in texts(figure)


def test_shortened_names_fit_and_keep_beginning_and_end() -> None:
    name = "scan_of_my_homework_page_17_second_try.png"
    short = text.shorten(name, 1.5, 10)
    assert text.text_width(short, 10) <= 1.5
    assert short.startswith("scan")
    assert short.endswith(".png")
    assert "…" in short
    assert text.shorten("7.png", 1.5, 10) == "7.png"
    assert text.shorten(name, 0.0, 10) == "…"


def test_what_the_font_cannot_draw_becomes_a_box() -> None:
    assert text.clean("é七\n\udcff$x$") == "é□□□$x$"


def test_wrapped_lines_fit_and_lose_no_word() -> None:
    words = "the quick brown fox jumps over the lazy dog " * 3
    lines = text.wrap(words, 2.0, 12)
    assert max(text.text_width(line, 12) for line in lines) <= 2.0
    assert " ".join(lines).split() == words.split()
    two = text.wrap_at_most(words, 2, 2.0, 12)
    assert len(two) == 2
    assert two[1].endswith("…")


def test_samples_stand_in_the_row_of_their_class() -> None:
    images = np.stack([np.full((28, 28), value, np.uint8) for value in (10, 60, 110, 160)])
    figure = prepare.sample_grid(images, np.array([1, 0, 1, 0]), ["a", "b"])
    first, second = (np.unique(image.get_array()) for image in figure.findobj(AxesImage))
    assert set(first) == {60, 160, 255}
    assert set(second) == {10, 110, 255}


def test_class_balance_shows_every_count_and_the_sums() -> None:
    figure = prepare.class_balance({"train": [5, 0, 1234], "test": [1, 2, 3]}, ["a", "b", "c"])
    counts = [text.get_text() for text in figure.findobj(Text) if text.get_gid() == "count"]
    assert counts == ["5", "0", "1,234", "1", "2", "3"]
    heights = [bar.get_height() for bar in figure.axes[0].patches if isinstance(bar, Rectangle)]
    assert heights == [5, 0, 1234]
    assert "train: 1,239 pictures" in texts(figure)


def test_learning_curves_mark_the_chosen_epoch_with_its_values() -> None:
    records = history(30)
    figure = train.learning_curves(records, 14, "mlp 128-128")
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


def test_one_epoch_is_seen_as_dots() -> None:
    figure = train.learning_curves(history(1), 1)
    curves = [
        line for line in figure.axes[0].lines if line.get_label() in ("training", "validation")
    ]
    assert [line.get_marker() for line in curves] == ["o", "o"]


def test_a_training_that_diverged_still_gets_its_curves(tmp_path: Path) -> None:
    records = history(3)
    records[1] |= {"loss": float("nan"), "val_loss": float("inf")}
    figure = train.learning_curves(records, 3)
    assert png(figure, tmp_path)
    assert figure.axes[0].get_ylim()[1] < 1


def test_an_epoch_that_was_not_trained_cannot_be_chosen() -> None:
    with pytest.raises(ValueError, match="no epoch 4"):
        train.learning_curves(history(3), 4)


def test_confusion_colours_mistakes_by_number_and_leaves_the_right_ones_grey() -> None:
    matrix = np.array([[990, 2, 0], [0, 950, 30], [7, 0, 985]])
    figure = evaluate.confusion_matrix(matrix, ["a", "b", "c"])
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


def test_confusion_without_mistakes_says_so() -> None:
    assert "No mistakes." in texts(evaluate.confusion_matrix(np.diag([3, 4]), ["a", "b"]))
    assert "no pictures" in texts(evaluate.confusion_matrix(np.zeros((2, 2), int), ["a", "b"]))


def test_calibration_shows_filled_bins_and_both_errors() -> None:
    figure = others(None)["calibration"]()
    before = figure.axes[0].containers[0][0]
    assert list(before.get_xdata()) == pytest.approx([30, 72, 97])
    assert list(before.get_ydata()) == pytest.approx([0, 60, 99])
    assert "1.23 % before, 0.45 % after" in texts(figure)
    assert "Temperature 1.250" in texts(figure)


def test_the_interval_of_a_share_is_wilsons() -> None:
    low, high = evaluate._wilson(np.array([0.0, 0.5]), np.array([10.0, 100.0]))
    # Worked by hand from the formula: 0 of 10, and 50 of 100.
    assert low == pytest.approx([0.0, 0.4038], abs=1e-4)
    assert high == pytest.approx([0.2775, 0.5962], abs=1e-4)


def test_worst_mistakes_are_the_wrong_ones_most_confident_first() -> None:
    images = np.stack([np.full((28, 28), 10 * i, np.uint8) for i in range(5)])
    figure = evaluate.worst_mistakes(
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


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.5, "50 %"), (0.9949, "99 %"), (0.9961, "99.6 %"), (0.999999, "99.99 %"), (1.0, "100 %")],
)
def test_a_confidence_is_never_rounded_to_certainty(share: float, words: str) -> None:
    assert evaluate.percentage(share) == words


def test_per_class_draws_both_numbers_of_each_class() -> None:
    figure = evaluate.per_class(np.array([0.9, 0.8]), np.array([0.7, 1.0]), ["a", "b"])
    points = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}
    assert points["precision"] == pytest.approx([90, 80])
    assert points["recall"] == pytest.approx([70, 100])


def cells(figure: Figure) -> list[tuple[str, str]]:
    """(fill colour, line style) of each prediction's cell, in order."""
    width = pytest.approx(predict_custom._CELL_WIDTH)
    boxes = [box for box in figure.axes[0].patches if box.get_width() == width]
    return [(to_hex(box.get_facecolor()), box.get_linestyle()) for box in boxes]


def test_wrong_and_unsure_predictions_look_different() -> None:
    figure = predict_custom.prediction_grid(
        [item(label="3"), item(label="5"), item(status="unsure", detail="blank"), item()]
    )
    right, wrong, unsure, unknown = cells(figure)
    assert right == unknown
    assert len({right[0], wrong[0], unsure[0]}) == 3
    assert unsure[1] == "--"
    words = texts(figure)
    assert "✗ is 5" in words
    assert words.count("✓") == 1
    assert "3?" in words
    assert "unsure: blank" in words
    assert "98 %" in words
    assert "1 of 2 right" in words


def test_both_pictures_are_shown_side_by_side() -> None:
    given, seen = noise(40, 50, 3), noise(28, 28)
    figure = predict_custom.prediction_grid([item(thumbnail=given, seen=seen)])
    left, right = figure.findobj(AxesImage)
    assert np.array_equal(left.get_array(), given)
    assert np.array_equal(right.get_array(), seen)
    assert left.get_extent()[1] < right.get_extent()[0]


def test_a_picture_that_could_not_be_read_says_why() -> None:
    words = texts(predict_custom.prediction_grid([ITEMS[4]]))
    assert "no answer" in words
    assert "error: not a picture" in words
    assert "is 1" in words


def test_the_pictures_that_are_not_shown_are_counted() -> None:
    first = predict_custom.prediction_grid([item(label="3")] * 4, total=1000)
    assert "and 996 more pictures not shown" in texts(first)
    assert "1,000 pictures" in texts(first)
    assert "of the first 4, 4 of 4 right" in texts(first)


def test_explain_shows_every_step_with_its_number_and_name() -> None:
    figure = predict_custom.explain_strip(STEPS, "7.png")
    assert len(figure.findobj(AxesImage)) == len(STEPS)
    words = texts(figure)
    for place, (name, _) in enumerate(STEPS, start=1):
        assert f"{place}. {name}" in words


def test_pictures_of_other_types_are_stretched_to_black_and_white() -> None:
    figure = predict_custom.explain_strip(STEPS, "7.png")
    flags, floats = (figure.findobj(AxesImage)[i].get_array() for i in (2, 3))
    assert set(np.unique(flags)) == {0, 255}
    assert (floats.min(), floats.max()) == (0, 255)
