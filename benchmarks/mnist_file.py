"""Write MNIST as the one file that plain scripts load."""

from pathlib import Path

import numpy as np

from pipeline.digits.datasets.mnist import mnist


def write_mnist(path: Path) -> Path:
    """Write MNIST as Keras publishes it, an .npz file."""
    dataset = mnist(on_unavailable="error")
    np.savez(
        path,
        x_train=dataset.train.images,
        y_train=dataset.train.labels,
        x_test=dataset.test.images,
        y_test=dataset.test.labels,
    )
    return path
