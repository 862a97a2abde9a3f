"""Numbers that benchmarks compose of MNIST's digits."""

import cv2
import numpy as np

from benchmarks import whole_numbers
from pipeline.digits.datasets.mnist import mnist_5000


def write_number(folder):
    """Compose a number of MNIST's digits on paper; return the picture."""
    folder.mkdir()
    writer = whole_numbers.Writer(mnist_5000().test, np.random.default_rng(3))
    picture = whole_numbers.KINDS["3 to 7 digits"](writer).picture
    cv2.imwrite(str(folder / "number.png"), picture)
    return picture
