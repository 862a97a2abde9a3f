"""Read pictures with a trained network, as predict-custom does, and say how many are right."""

import argparse
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.config.composing import compose
from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.recognition.digit import Prediction
from pipeline.digits.serving import answer


def model_parser(about: str | None) -> argparse.ArgumentParser:
    """Return a command-line parser with --model; `about` is the benchmark's docstring."""
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/model.onnx"))
    return parser


def predict(pictures: Sequence[object], classifier: Classifier) -> list[Prediction]:
    """Read pictures, in any form that `answer` takes, with the default threshold."""
    return answer(pictures, classifier, unsure_below=_threshold())


@cache
def _threshold() -> float:
    return float(compose([])["predict"]["unsure_below"])


def share_right(answers: Sequence[Prediction], labels: NDArray[np.integer]) -> str:
    """Return, as text, the shares of answers that are right, and wrong but not marked unsure."""
    right = np.array([each.digit for each in answers]) == labels
    sure = np.array([each.status == "ok" for each in answers])
    return f"{right.mean():.1%} right, {(sure & ~right).mean():.1%} wrong and called ok"
