"""Measure how often pictures of another kind are noticed, and those of the same kind mistaken.

`python -m benchmarks.drift [--models models]` draws 100 pictures at a time, 1,000 times: MNIST's
test digits as they are and turned by 30 degrees, and the digits of 13 other hands (other_hands.py).
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from benchmarks.table import Row, print_rows
from benchmarks.teaching import other_hands
from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.inference.drift import Reference
from pipeline.digits.splits import load_split
from pipeline.stages.network import REFERENCE_PICTURES
from pipeline.stages.prepared import split_file
from pipeline.system.arrays import Pixels

COMMAND = "python -m benchmarks.drift"
PICTURES, REPEATS = 100, 1000


def turned(images: Pixels) -> Pixels:
    matrix = cv2.getRotationMatrix2D((13.5, 13.5), 30, 1)
    return np.stack([cv2.warpAffine(each, matrix, (28, 28)) for each in images]).astype(np.uint8)


def alarms(images: Pixels, classifier: Classifier, reference: Reference) -> str:
    """Return, as text, how often a sample of some pictures raises an alarm."""
    rng, answers = np.random.default_rng(0), classifier.probabilities(images)
    samples = (rng.choice(len(images), PICTURES, replace=False) for _ in range(REPEATS))
    found = [reference.compare(images[rows], answers[rows]) for rows in samples]
    return f"{np.mean([bool(each and each.is_alarm) for each in found]):.1%} of {REPEATS:,} samples"


def main() -> None:
    """Print a row for each kind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=Path("models"))
    classifier = Classifier.load(parser.parse_args().models / "model.onnx")
    validation = load_split(split_file("validation")).images[:REFERENCE_PICTURES]
    reference = classifier.reference or Reference.of(
        validation, classifier.probabilities(validation)
    )
    if reference is None:
        raise SystemExit("error: too few validation pictures for a reference")
    test = load_split(split_file("test")).images
    kinds = {
        "MNIST's own test digits (false alarms)": test,
        "test digits turned by 30 degrees": turned(test),
        "digits of 13 other hands, 8 px": other_hands().images,
    }
    for kind, images in kinds.items():
        result = alarms(images, classifier, reference)
        print_rows([Row(f"of another kind: {PICTURES} of {kind}", result, COMMAND)])


if __name__ == "__main__":
    main()
