"""Train, evaluate, read ten pictures and save plots, as a tutorial's Keras script does.

This is the baseline of the benchmarks; it imports nothing of ours.
`python benchmarks/plain_script.py mnist.npz PICTURES OUTPUT [--hidden-units 128 128] [--epochs 5]`
prints the seconds that its parts took, as one line of JSON.
"""

import argparse
import json
import time
from pathlib import Path

STARTED = time.perf_counter()

import cv2  # noqa: E402
import matplotlib  # noqa: E402

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

IMPORTED = time.perf_counter()


def main() -> None:
    """Run the whole script."""
    arguments = parse()
    with np.load(arguments.mnist) as mnist:
        x_train, y_train = mnist["x_train"] / np.float32(255), mnist["y_train"]
        x_test, y_test = mnist["x_test"] / np.float32(255), mnist["y_test"]
    dense = [tf.keras.layers.Dense(units, activation="relu") for units in arguments.hidden_units]
    output = tf.keras.layers.Dense(10, activation="softmax")
    model = tf.keras.Sequential(
        [tf.keras.Input((28, 28)), tf.keras.layers.Flatten(), *dense, output]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    before = time.perf_counter()
    history = model.fit(
        x_train,
        y_train,
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        validation_split=1 / 12,
        verbose=0,
    )
    fitted = time.perf_counter()
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    arguments.output.mkdir(parents=True, exist_ok=True)
    model.save(arguments.output / "model.keras")
    plot(history.history, arguments.output)
    predict(model, arguments.pictures, arguments.output)
    ended = time.perf_counter()
    report = {
        "import_seconds": IMPORTED - STARTED,
        "fit_seconds": fitted - before,
        "total_seconds": ended - STARTED,
        "test_accuracy": accuracy,
        "val_accuracy": history.history["val_accuracy"][-1],
    }
    print(json.dumps(report))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("mnist", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--hidden-units", type=int, nargs="+", default=[128, 128])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    return parser.parse_args()


def plot(history: dict[str, list[float]], output: Path) -> None:
    """Draw loss and accuracy by epoch."""
    for name in ("loss", "accuracy"):
        plt.figure()
        plt.plot(history[name], label="train")
        plt.plot(history[f"val_{name}"], label="validation")
        plt.legend()
        plt.savefig(output / f"{name}.png")
        plt.close()


def predict(model: tf.keras.Model, pictures: Path, output: Path) -> None:
    """Read ten pictures, assumed to be dark on light, and plot each."""
    for path in sorted([*pictures.glob("*.png"), *pictures.glob("*.jpg")])[:10]:
        image = cv2.resize(cv2.imread(str(path))[:, :, 0], (28, 28))
        image = np.invert(image)[None] / np.float32(255)
        digit = np.argmax(model.predict(image, verbose=0))
        plt.figure()
        plt.imshow(image[0], cmap="gray_r")
        plt.title(f"this is probably a {digit}")
        plt.savefig(output / f"{path.stem}.png")
        plt.close()


if __name__ == "__main__":
    main()
