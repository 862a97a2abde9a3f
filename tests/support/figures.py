"""Small made-up data, one example of every figure, and the text of a figure."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from pipeline.plots import (
    explain,
    intervals,
    predict_custom,
    prepare,
    register,
    report,
    search,
    sweep,
)
from pipeline.plots.evaluate import (
    calibration,
    confusion,
    corruptions,
    learning_curves,
    lines,
    mistakes,
    per_class,
)
from pipeline.plots.predict_custom import PredictionItem
from pipeline.plots.style.page import save_figure

NOTE = "Stand-in data: 5,000 digits; for the real ones run the command in the manual."
DIGITS = list("0123456789")
LETTERS = list("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
WORDS = [
    *["T-shirt", "Trousers", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Bag"],
    "A very long name of a class",
]
BINS = (
    np.array([np.nan, 0.3, 0.72, 0.97]),
    np.array([np.nan, 0.0, 0.6, 0.99]),
    np.array([0, 1, 10, 9000]),
)

Makers = dict[str, Callable[[], Figure]]


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


def random_confusion(k: int, most: int = 60_000) -> np.ndarray:
    rng = np.random.default_rng(2)
    return rng.poisson(3, (k, k)) * (rng.random((k, k)) < 0.5) + np.diag(rng.integers(900, most, k))


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

STEPS = [
    ("as given", noise(300, 200, 3)),
    ("grey, with the shadows of the paper flattened", noise(300, 200)),
    ("ink found", noise(300, 200) > 128),
    ("fitted", np.linspace(-1, 1, 400).reshape(20, 20)),
    ("with alpha", noise(20, 90, 4)),
    ("what the network sees", noise(28, 28)),
]


def corrupted(*accuracies: float) -> list[corruptions.Corrupted]:
    names = ["shot noise", "impulse noise", "dotted line"]
    return [
        corruptions.Corrupted(names[number % 3], noise(28, 28), accuracy)
        for number, accuracy in enumerate(accuracies)
    ]


def duplicates(classes: int) -> list[tuple[prepare.Copy, prepare.Copy, float]]:
    """Return equal and nearly equal pictures, some with two labels, some with a long name."""
    places = ["train 12,345", "test: of/a/person/with_a_long_name_2024-11-12_(2).png"]
    first, second = (prepare.Copy(noise(28, 28), 0, place) for place in places)
    last = prepare.Copy(noise(28, 28), classes - 1, "test 17")
    return [(first, last, 0.0), (first, second, 0.0873), (second, first, 0.0), (last, last, 0.1)]


def line(digits: str) -> lines.LineItem:
    """Return a line that is read as 47."""
    return lines.LineItem(noise(32, 96), [(20.0, "4"), (70.5, "7")], digits)


def gain(n: int, version: int = 3) -> register.Gain:
    heading = f"only version {version} is right"
    return register.Gain(heading, noise(n, 28, 28), np.arange(n) % 9, -np.arange(n) % 9)


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


def configurations(count: int) -> list[dict[str, object]]:
    """Return configurations trained with several seeds, the best first, and one tie."""
    return [
        {
            "name": f"mlp {2**place}-{2**place} · 5 epochs · learning_rate 0.001",
            "val_accuracy": 0.99 - place / 100,
            "val_accuracy_high": 0.995 - place / 100 if place < 4 else None,
            "test_accuracy": 0.98 - place / 100,
            "test_accuracy_high": 0.99 - place / 100 if place < 4 else None,
            "tied": place == 1,
        }
        for place in range(count)
    ]


def of_classes(names: list[str], note: str | None) -> Makers:
    k = len(names)
    n = 40 * k
    images, labels = noise(n, 28, 28), np.arange(n) % k
    shares = np.linspace(0.9, 1, k)
    counts = {"train": [54_321] * k, "test": list(range(k))}
    gains = [gain(40), gain(0, version=1)]
    return {
        "samples": lambda: prepare.sample_grid(images, labels, names, note),
        "balance": lambda: prepare.class_balance(counts, names, note),
        "duplicates": lambda: prepare.duplicate_grid(duplicates(k), 1234, names, note),
        "confusion": lambda: confusion.confusion_matrix(random_confusion(k), names, note),
        "mistakes": lambda: mistakes.worst_mistakes(
            images, labels, (labels + 1) % k, np.linspace(0.3, 1, n), names, note
        ),
        "per_class": lambda: per_class.class_scores(shares, shares[::-1], names, note),
        "disagreements": lambda: register.disagreements(
            "Version 3 against version 1", "10,000 test digits", gains, (names * 5)[:9], note
        ),
    }


def of_anything(note: str | None) -> Makers:
    clean = corruptions.Corrupted("as they are", noise(28, 28), 0.99)
    return {
        "curves": lambda: learning_curves.learning_curves(history(5), 3, note=note),
        "calibration": lambda: calibration.reliability_diagram(
            BINS, BINS, ece_before=0.0123, ece_after=0.0045, temperature=1.25, note=note
        ),
        "corruptions": lambda: corruptions.corruption_bars(
            corrupted(*np.linspace(0, 1, 15)), 1000, 0.004, clean, note
        ),
        "lines": lambda: lines.line_grid([line("47"), line("41")], "lines · 8 rounds", note),
        "predictions": lambda: predict_custom.prediction_grid(ITEMS, note),
        "together": lambda: report.curves_together([curve(i) for i in range(11)], note),
    }


def of_trials(networks: int, epochs: int, note: str | None) -> Makers:
    rows = trials(networks, epochs)
    settings = ["network", "epochs", "learning_rate"]
    shares = {f"model.hidden_units.{n}": 1 / 2**n for n in range(1, networks + 1)}
    return {
        "intervals": lambda: intervals.intervals(configurations(networks * epochs), note),
        "heatmap": lambda: sweep.heatmap(rows, note),
        "cost": lambda: sweep.cost(rows, note),
        "parallel": lambda: sweep.parallel(rows, settings, note),
        "search": lambda: search.history([float(str(r["val_accuracy"])) for r in rows], 3, note),
        "importance": lambda: search.importance(shares, "training_seconds", note),
    }


EVERY = {**of_classes(DIGITS, NOTE), **of_anything(NOTE), **of_trials(4, 3, NOTE)}
"""Every figure that can show a note, with one."""

SIZES = {
    **{f"{name}, 10 classes": make for name, make in of_classes(DIGITS, None).items()},
    **{f"{name}, 2 classes": make for name, make in of_classes(["a", "b"], NOTE).items()},
    **{f"{name}, 36 classes": make for name, make in of_classes(LETTERS, None).items()},
    **{f"{name}, words": make for name, make in of_classes(WORDS, None).items()},
    **of_anything(NOTE),
    **{
        f"{name}, {networks} networks x {epochs}": make
        for networks, epochs in ((1, 1), (1, 4), (4, 3), (9, 12), (30, 2))
        for name, make in of_trials(networks, epochs, None).items()
    },
    **{
        f"{n} epochs": lambda n=n: learning_curves.learning_curves(
            history(n), n, "mlp 128-128 " * 6
        )
        for n in (1, 2, 12, 30, 500)
    },
    "1 picture": lambda: predict_custom.prediction_grid(ITEMS[:1], None),
    "more pictures": lambda: predict_custom.prediction_grid(ITEMS, NOTE, total=1000),
    "no picture": lambda: predict_custom.prediction_grid([], NOTE),
    "no duplicate": lambda: prepare.duplicate_grid([], 0, DIGITS, NOTE),
    "no mistake": lambda: mistakes.worst_mistakes(
        noise(3, 28, 28), np.zeros(3), np.zeros(3), np.ones(3), DIGITS, NOTE
    ),
    "1 step": lambda: explain.explain_strip(STEPS[:1], "x.png"),
    "6 steps": lambda: explain.explain_strip(STEPS, "a long title " * 12),
}
"""Figures with little data, with much data and with long names."""


def texts(figure: Figure) -> str:
    """Return all text of a figure on one line."""
    return " ".join(" ".join(each.get_text() for each in figure.findobj(Text)).split())


def png(figure: Figure, folder: Path, name: str = "figure.png") -> bytes:
    save_figure(figure, folder / name)
    return (folder / name).read_bytes()
