"""Measure how well corrupted test digits are read, as arrays and as picture files.

`python -m benchmarks.corrupted_pictures [--model models/model.onnx] [--digits 1000]` corrupts them
in the fifteen ways of MNIST-C (Mu & Gilmer 2019, arXiv 1906.02337): as evaluate does, and by a
second implementation with other severities, written from the paper for this benchmark alone. So
what was tuned to one implementation shows in the other. No training uses either.
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.predicting import model_parser, predict
from benchmarks.table import Row, print_rows
from pipeline.digits.datasets.mnist import mnist
from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.recognition.digit import Prediction
from pipeline.digits.robustness import corruptions
from pipeline.digits.splits import SIDE, Split
from pipeline.system.arrays import Pixels

Values = NDArray[Any]  # of one picture, (28, 28), 0..1 and beyond
Corruption = Callable[[Values, np.random.Generator], Values]
COMMAND = "python -m benchmarks.corrupted_pictures"
MIDDLE = (SIDE - 1) / 2


def main() -> None:
    """Print a row for each implementation, with every kind."""
    parser = model_parser(__doc__)
    parser.add_argument("--digits", type=int, default=1000)
    arguments = parser.parse_args()
    classifier = Classifier.load(arguments.model)
    test = mnist(on_unavailable="error").test
    chosen = test.take(np.linspace(0, len(test) - 1, arguments.digits).astype(np.int64))
    own = {kind: partial(corruptions.corrupt, kind=kind, seed=1) for kind in corruptions.KINDS}
    second = {kind: partial(corrupt, kind=kind) for kind in KINDS}
    for name, kinds in (("evaluate's", own), ("a second", second)):
        results = [measured(classifier, chosen, make) for make in kinds.values()]
        what = f"{len(chosen)} digits corrupted in fifteen ways, {name} implementation"
        print_rows([Row(what, summary(list(kinds), results), COMMAND)])


def measured(
    classifier: Classifier, chosen: Split, make: Callable[[Pixels], Pixels]
) -> tuple[float, float, float, float]:
    """Return the shares right as arrays, right, wrong, and wrong but called ok, as pictures."""
    corrupted = make(chosen.images)
    as_arrays = classifier.raw_probabilities(corrupted).argmax(axis=1) == chosen.labels
    files = [cv2.imencode(".png", each)[1].tobytes() for each in corrupted]
    answers: list[Prediction] = predict(files, classifier)
    right = np.array([each.digit for each in answers]) == chosen.labels
    sure = np.array([each.status == "ok" for each in answers])
    shares = as_arrays, right, ~right, ~right & sure
    arrays, pictures, wrong, called_ok = (float(share.mean()) for share in shares)
    return arrays, pictures, wrong, called_ok


def summary(kinds: list[str], results: list[tuple[float, float, float, float]]) -> str:
    """Return the means, and the share right as pictures of every kind."""
    arrays, pictures, wrong, called_ok = np.mean(results, axis=0)
    each = ", ".join(f"{kind} {row[1]:.0%}" for kind, row in zip(kinds, results, strict=True))
    doubted = (
        f"{called_ok:.1%} wrong and called ok ({called_ok / max(wrong, 1e-9):.0%} of the wrong)"
    )
    return f"{pictures:.1%} right as pictures, {doubted}, {arrays:.1%} right as arrays; {each}"


def corrupt(images: Pixels, kind: str) -> Pixels:
    """Corrupt each picture, uint8 (n, 28, 28); always in the same way."""
    rng = np.random.default_rng((2, list(KINDS).index(kind)))
    made = np.stack([KINDS[kind](image / 255, rng) for image in images])
    return np.rint(255 * np.clip(made, 0, 1)).astype(np.uint8)


def _impulse_noise(image: Values, rng: np.random.Generator) -> Values:
    hit = rng.random(image.shape) < 0.27
    return np.where(hit, rng.integers(0, 2, image.shape), image)


def _glass_blur(image: Values, rng: np.random.Generator) -> Values:
    smooth = ndimage.gaussian_filter(image, 0.7)
    inner = range(SIDE - 2, 0, -1)
    for moves in rng.integers(-1, 1, (2, SIDE, SIDE, 2)):
        for here in product(inner, inner):
            there = here[0] + moves[here][0], here[1] + moves[here][1]
            smooth[here], smooth[there] = smooth[there], smooth[here]
    return np.asarray(ndimage.gaussian_filter(smooth, 0.7))


def _motion_blur(image: Values, rng: np.random.Generator) -> Values:
    angle = rng.uniform(-np.pi / 4, np.pi / 4)
    weights = np.exp(-0.5 * (np.arange(11) / 5) ** 2)
    moved = [
        ndimage.shift(image, (step * np.sin(angle), step * np.cos(angle)), order=1)
        for step in range(11)
    ]
    return np.asarray(np.tensordot(weights / weights.sum(), moved, 1))


def _moved(image: Values, matrix: Values) -> Values:
    middle = np.full(2, MIDDLE)
    return np.asarray(ndimage.affine_transform(image, matrix, middle - matrix @ middle, order=1))


def _shear(image: Values, rng: np.random.Generator) -> Values:
    return _moved(image, np.array([[1, 0], [rng.choice([-0.4, 0.4]), 1]]))


def _rotate(image: Values, rng: np.random.Generator) -> Values:
    angle = rng.choice([-0.4, 0.4])
    cosine, sine = np.cos(angle), np.sin(angle)
    return _moved(image, np.array([[cosine, -sine], [sine, cosine]]))


def _translate(image: Values, rng: np.random.Generator) -> Values:
    return np.asarray(ndimage.shift(image, rng.choice([-3, 3], 2), order=1))


def _stripe(image: Values, _: np.random.Generator) -> Values:
    inverted = np.abs(np.arange(SIDE) - MIDDLE) > MIDDLE - 7
    return np.where(inverted, 1 - image, image)


def _fog(image: Values, rng: np.random.Generator) -> Values:
    """Add plasma, made by repeated halving, twice as strong as the picture."""
    cloud, strength = np.zeros((1, 1)), 1.0
    while cloud.shape[0] < 32:
        size = (2 * cloud.shape[0],) * 2
        cloud = cv2.resize(cloud, size, interpolation=cv2.INTER_LINEAR)
        cloud = cloud + strength * rng.uniform(-1, 1, size)
        strength /= 1.8
    cloud = (cloud - cloud.min()) / np.ptp(cloud)
    return np.asarray((image + 2 * cloud[:SIDE, :SIDE]) / 3)


def _spatter(image: Values, rng: np.random.Generator) -> Values:
    wet = ndimage.gaussian_filter(rng.normal(0.65, 0.3, image.shape), 1.0) > 0.65
    mud = ndimage.gaussian_filter(wet.astype(float), 1.3)
    mud[mud < 0.75] = 0
    return image * (1 - mud) + 0.25 * mud


def _stroke(start: Values, end: Values) -> Values:
    """Return a soft line between two points (row, column)."""
    places = np.stack(np.mgrid[:SIDE, :SIDE], axis=-1).astype(float)
    way = end - start
    along = np.clip((places - start) @ way / (way @ way), 0, 1)
    distance = np.linalg.norm(places - start - along[..., None] * way, axis=-1)
    return np.clip(1.6 - distance, 0, 1)


def _dotted_line(image: Values, rng: np.random.Generator) -> Values:
    rows = np.linspace(*rng.uniform(1, 27, 2), SIDE)
    points = np.column_stack([rows, np.arange(SIDE)])
    dots = [_stroke(points[at], points[at + 1]) for at in range(0, 27, 4)]
    return np.max([image, *dots], axis=0)


def _zigzag(image: Values, rng: np.random.Generator) -> Values:
    columns = np.arange(1, 27, 2)
    first = rng.uniform(3, 25)
    last = np.clip(first + rng.uniform(-5, 5), 3, 25)
    teeth = np.where(np.arange(len(columns)) % 2, 1.6, -1.6)
    points = np.column_stack([np.linspace(first, last, len(columns)) + teeth, columns])
    return np.max([image, *map(_stroke, points[:-1], points[1:])], axis=0)


def _canny_edges(image: Values, _: np.random.Generator) -> Values:
    smooth = np.rint(255 * ndimage.gaussian_filter(image, 1.0)).astype(np.uint8)
    return cv2.Canny(smooth, 30, 90) / 255


KINDS: dict[str, Corruption] = {
    "shot noise": lambda image, rng: rng.poisson(5 * image) / 5,
    "impulse noise": _impulse_noise,
    "glass blur": _glass_blur,
    "motion blur": _motion_blur,
    "shear": _shear,
    "scale": lambda image, _: _moved(image, np.eye(2) / 0.65),
    "rotate": _rotate,
    "brightness": lambda image, rng: image + rng.uniform(0.4, 0.6),
    "translate": _translate,
    "stripe": _stripe,
    "fog": _fog,
    "spatter": _spatter,
    "dotted line": _dotted_line,
    "zigzag": _zigzag,
    "canny edges": _canny_edges,
}


if __name__ == "__main__":
    main()
