"""Measure how well digits of other hands than MNIST's are read; no network was trained on them.

`python -m benchmarks.other_hands [--model models/model.onnx]` reads 1,797 digits that 13 people in
Turkey wrote (E. Alpaydin & C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
Learning Repository, 1998; its test part, which comes with scikit-learn). They are stored as 8 x 8
pixels, filled to the border; some can hardly be told apart by eye. The strokes that digits are
drawn from for training were chosen with these digits in view.
"""

import cv2
import numpy as np
from sklearn.datasets import load_digits

from benchmarks.asking import ask, model_parser, share_right
from benchmarks.table import Row, print_rows
from pipeline.digits.inference.classifier import Classifier

SIDES = (8, 32)  # pixels: as they are stored, and as they were before that
COMMAND = "python -m benchmarks.other_hands"


def main() -> None:
    """Print a row a size."""
    classifier = Classifier.load(model_parser(__doc__).parse_args().model)
    kept = load_digits()
    images = np.rint(kept.images * (255 / 16)).astype(np.uint8)
    for side in SIDES:
        pictures = [
            cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC) for image in images
        ]
        told = share_right(ask(pictures, classifier), kept.target)
        print_rows([Row(f"{len(pictures)} digits of 13 other hands, {side} px", told, COMMAND)])


if __name__ == "__main__":
    main()
