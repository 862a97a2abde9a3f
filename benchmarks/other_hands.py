"""Measure how well digits by other writers than MNIST's are read; no network was trained on them.

`python -m benchmarks.other_hands [--model models/model.onnx]` reads 1,797 digits that 13 people in
Turkey wrote (E. Alpaydin & C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
Learning Repository, 1998; its test set, which comes with scikit-learn). They are stored as 8 x 8
pixels, filled to the border; some are hard to distinguish by eye. These digits were looked at when
the strokes were chosen that digits are drawn from for training.
"""

import cv2
import numpy as np
from sklearn.datasets import load_digits

from benchmarks.predicting import model_parser, predict, share_right
from benchmarks.table import Row, print_rows
from pipeline.digits.inference.classifier import Classifier

SIDES = (8, 32)  # pixels: as they are stored, and as they were before that
COMMAND = "python -m benchmarks.other_hands"


def main() -> None:
    """Print a row for each size."""
    classifier = Classifier.load(model_parser(__doc__).parse_args().model)
    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    for side in SIDES:
        pictures = [
            cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC) for image in images
        ]
        result = share_right(predict(pictures, classifier), digits.target)
        print_rows([Row(f"{len(pictures)} digits of 13 other hands, {side} px", result, COMMAND)])


if __name__ == "__main__":
    main()
