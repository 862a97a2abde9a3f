"""Measure how well digits by other writers than MNIST's are read; no network was trained on them.

`python -m benchmarks.other_hands [--model models/model.onnx]` reads 1,797 digits that 13 people in
Turkey wrote (E. Alpaydin & C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
Learning Repository, 1998; its test set, which comes with scikit-learn). They are stored as 8 x 8
pixels, filled to the border; some are hard to distinguish by eye. These digits were looked at when
the strokes were chosen that digits are drawn from for training.

The rows "black and white" stand in for the 16 x 16 binary digits of 80 Italians ("Semeion
Handwritten Digit", UCI Machine Learning Repository, 1994), which no package carries: the same
digits on that grid, as wide as written, and stretched to fill the square as Semeion's are.
"""

from collections.abc import Callable

import cv2
import numpy as np
from sklearn.datasets import load_digits

from benchmarks.predicting import model_parser, predict, share_right
from benchmarks.table import Row, print_rows
from pipeline.digits.inference.classifier import Classifier
from pipeline.system.arrays import Pixels

GRID = 16  # pixels of a black and white digit's longer side
BLACK = 115  # ink, 0..255, from which a pixel is black
WIDEST = 0.6  # a digit narrower than this, such as a bare 1, is not stretched to a block
COMMAND = "python -m benchmarks.other_hands"


def main() -> None:
    """Print a row for each kind."""
    classifier = Classifier.load(model_parser(__doc__).parse_args().model)
    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    for kind, picture in KINDS.items():
        pictures = [picture(image) for image in images]
        result = share_right(predict(pictures, classifier), digits.target)
        print_rows([Row(f"{len(pictures)} digits of 13 other hands, {kind}", result, COMMAND)])


def of_side(image: Pixels, side: int) -> Pixels:
    """Resize a digit: 8 pixels are as it is stored, 32 as it was before that."""
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def black_and_white(image: Pixels) -> Pixels:
    """Show a digit on a coarse grid, in black and white."""
    return np.where(of_side(image, GRID) > BLACK, 255, 0).astype(np.uint8)


def stretched(image: Pixels) -> Pixels:
    """Stretch a digit to fill the coarse grid, and leave some paper around it."""
    large = of_side(image, 8 * GRID)
    x, y, width, height = cv2.boundingRect((large > 60).astype(np.uint8))
    across = GRID if width > WIDEST * height else round(1.4 * GRID * width / height)
    digit = large[y : y + height, x : x + width]
    small = cv2.resize(digit, (across, GRID), interpolation=cv2.INTER_AREA)
    left = (GRID - across) // 2
    beside = ((4, 4), (4 + left, 4 + GRID - across - left))
    return np.pad(np.where(small > BLACK, 255, 0), beside).astype(np.uint8)


KINDS: dict[str, Callable[[Pixels], Pixels]] = {
    "8 px": lambda image: of_side(image, 8),
    "32 px": lambda image: of_side(image, 32),
    "16 px, black and white": black_and_white,
    "16 px, black and white, stretched": stretched,
}


if __name__ == "__main__":
    main()
