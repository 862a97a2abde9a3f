"""Ask a trained network about pictures, as predict-custom does, and say how well it answers."""

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
    """Make a command line with --model; `about` is the benchmark's docstring."""
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/model.onnx"))
    return parser


def ask(pictures: Sequence[object], classifier: Classifier) -> list[Prediction]:
    """Read pictures, given as for `answer`, with the default threshold."""
    return answer(pictures, classifier, unsure_below=_threshold())


@cache
def _threshold() -> float:
    return float(compose([])["predict"]["unsure_below"])


def share_right(answers: Sequence[Prediction], labels: NDArray[np.integer]) -> str:
    """Say what share of the answers is right, and what share is wrong and not marked unsure."""
    right = np.array([each.digit for each in answers]) == labels
    sure = np.array([each.status == "ok" for each in answers])
    return f"{right.mean():.1%} right, {(sure & ~right).mean():.1%} wrong and called ok"
