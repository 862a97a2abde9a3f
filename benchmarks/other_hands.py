"""How well digits of other hands than MNIST's are read; no network here was trained on any of them.

`python -m benchmarks.other_hands [--model models/model.onnx]` reads 1,797 digits that 13 people in
Turkey wrote (E. Alpaydin & C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
Learning Repository, 1998; its test part, which comes with scikit-learn). They are kept as 8 x 8
pixels, filled to the border, so that some can hardly be told apart by eye. The strokes that digits
are drawn from for training were chosen with these in view.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from sklearn.datasets import load_digits

from benchmarks.table import Row, print_rows
from pipeline.config.composing import compose
from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.serving import answer

SIDES = (8, 32)  # pixels: as they are kept, and as large as they were before that
COMMAND = "python -m benchmarks.other_hands"


def main() -> None:
    """Print a row a size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/model.onnx"))
    classifier = Classifier.load(parser.parse_args().model)
    threshold = compose([])["predict"]["unsure_below"]
    kept = load_digits()
    images = np.rint(kept.images * (255 / 16)).astype(np.uint8)
    for side in SIDES:
        pictures = [
            cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC) for image in images
        ]
        answers = answer(pictures, classifier, unsure_below=threshold)
        right = np.array([each.digit for each in answers]) == kept.target
        sure = np.array([each.status == "ok" for each in answers])
        told = f"{right.mean():.1%} right, {(sure & ~right).mean():.1%} wrong and called ok"
        print_rows([Row(f"{len(right)} digits of 13 other hands, {side} px", told, COMMAND)])


if __name__ == "__main__":
    main()
