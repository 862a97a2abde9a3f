"""Measure what 100 corrections teach: `python -m benchmarks.teaching [--models models]`.

Teaches the network in models/ digits that it reads badly: those of 13 other hands (UCI's, see
other_hands.py), and digits drawn in styles that it has never met (outlines, seven bars, a strong
slant). Half of each kind's pictures are looked through; the 100 that the network reads wrong or is
least sure of are corrected, as a person would. As `digits teach` does, it holds some 30
of them back. The other half is never shown: it tells what was learned.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from benchmarks.table import Row, print_rows
from pipeline.config.checking import validate
from pipeline.config.params import read_params
from pipeline.config.schema import Config
from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.preprocessing.normalise import normalise
from pipeline.digits.significance import SIGNIFICANCE, compare
from pipeline.digits.splits import Split
from pipeline.digits.training.drawing.handwriting import smooth_curve
from pipeline.digits.training.drawing.strokes import FORMS
from pipeline.teaching.learning import Known, lesson_config, mix, train_further
from pipeline.teaching.lesson import HELD_BACK

COMMAND = "python -m benchmarks.teaching"
CORRECTED = 100
DRAWN = 1000
PAPER = 200  # pixels
BARS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abfgcd")
ENDS = {
    "a": (0, 0, 1, 0), "b": (1, 0, 1, 1), "c": (1, 1, 1, 2), "d": (0, 2, 1, 2),
    "e": (0, 1, 0, 2), "f": (0, 0, 0, 1), "g": (0, 1, 1, 1),
}  # fmt: skip
"""The seven bars: from where to where."""

Strokes = list[NDArray[np.int32]]


def other_hands() -> Split:
    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    seen = np.stack([normalise(image).image for image in images])
    return Split(seen, digits.target.astype(np.uint8))


def drawn(style: str) -> Split:
    """Draw digits in a style."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 10, DRAWN).astype(np.uint8)
    return Split(np.stack([normalise(draw(style, int(d), rng)).image for d in labels]), labels)


def draw(style: str, digit: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    paper = np.full((PAPER, PAPER), 255, np.uint8)
    strokes = bars(digit, rng) if style == "seven bars" else curves(digit, rng, style)
    tones = {"outlines": ((0, 26), (255, 16))}.get(style, ((0, int(rng.integers(6, 12))),))
    for tone, width in tones:
        cv2.polylines(paper, strokes, False, tone, width, cv2.LINE_AA)
    return paper


def curves(digit: int, rng: np.random.Generator, style: str) -> Strokes:
    forms = FORMS[digit]
    lean = rng.uniform(0.7, 0.9) if style == "slanted" else rng.normal(0, 0.1)
    shape = np.array([[rng.uniform(0.7, 1.2), 0], [-lean, 1]])
    points = [smooth_curve(each, rng) @ shape for each in forms[rng.integers(len(forms))]]
    low = np.vstack(points).min(axis=0)
    size = (np.vstack(points).max(axis=0) - low).max()
    return [np.rint((each - low) / size * 140 + 30).astype(np.int32) for each in points]


def bars(digit: int, rng: np.random.Generator) -> Strokes:
    strokes = []
    for bar in BARS[digit]:
        ends = np.array(ENDS[bar], float).reshape(2, 2) * 60 + 50 + rng.normal(0, 4, (2, 2))
        gap = 0.12 * (ends[1] - ends[0])
        strokes.append(np.rint([ends[0] + gap, ends[1] - gap]).astype(np.int32))
    return strokes


def teach(kind: str, pictures: Split, models: Path, known: Known, config: Config) -> list[Row]:
    """Teach a network one kind of pictures; return what it learned, forgot and took."""
    network = Classifier.load(models / "model.onnx")
    rng = np.random.default_rng(0)
    shown, unseen = np.array_split(rng.permutation(len(pictures)), 2)
    answers = network.probabilities(pictures.images[shown])
    right = answers.argmax(axis=1) == pictures.labels[shown]
    corrected = shown[np.lexsort((answers.max(axis=1), right))][:CORRECTED]
    learned = pictures.take(corrected[rng.random(len(corrected)) >= HELD_BACK])
    lesson = lesson_config(config, str(models / "model.keras"))
    start = time.process_time()
    model, _ = train_further(lesson, mix(known.train, learned, lesson), known.validation)
    seconds = time.process_time() - start

    def before_and_after(split: Split) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        after = model.predict(split.images, batch_size=1000, verbose=0).argmax(axis=1)
        return network.raw_probabilities(split.images).argmax(axis=1), after

    rest = pictures.take(unseen)
    wrong = [int((each != rest.labels).sum()) for each in before_and_after(rest)]
    before, after = before_and_after(known.test)
    test = compare(known.test.labels, after, before)
    chance = "within" if test.p_value >= SIGNIFICANCE else "more than"
    mistakes = [int((each != known.test.labels).sum()) for each in (before, after)]
    return [
        Row(
            f"taught {CORRECTED} corrections, {kind}",
            f"{wrong[0]} mistakes in {len(rest)} others before, {wrong[1]} after; "
            f"{mistakes[0]} and {mistakes[1]} in {len(known.test):,} test digits, {chance} "
            f"chance (p = {test.p_value:.2g}); {seconds:.0f} processor s",
            COMMAND,
        )
    ]


def main() -> None:
    """Print a row for each kind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=Path("models"))
    models = parser.parse_args().models
    settings = json.loads((models / "settings.json").read_text(encoding="utf-8"))
    config = validate({**read_params(), **settings})
    known = Known.load()
    kinds = {"13 other hands": other_hands()} | {
        style: drawn(style) for style in ("outlines", "seven bars", "slanted")
    }
    for kind, pictures in kinds.items():
        print_rows(teach(kind, pictures, models, known, config))


if __name__ == "__main__":
    main()
