"""Draw pictures that show none of the classes: letters, scribbles, textures.

They are held out from training: none of these letters is among the drawings that a network can be
trained on, the scribbles move in other ways, and no texture that fills a picture is among them.
They are drawn here rather than with the training's own code, so that a change to the training does
not change them.
"""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.system.arrays import Pixels

Floats = NDArray[np.float64]

# Straight strokes through the points "x,y", in hundredths of the letter's height: Greek and
# Cyrillic capitals, and signs. They look like no digit and like no letter of the training.
LETTERS: tuple[tuple[str, ...], ...] = (
    ("0,100 0,0 70,0 70,100",),  # Π
    ("0,100 0,0 60,0",),  # Γ
    ("0,100 35,0 70,100",),  # Λ
    ("0,0 0,100 65,0 65,100",),  # И
    ("0,0 0,100 80,100 80,0", "40,0 40,100"),  # Ш
    ("0,0 0,85 65,85 65,0", "65,85 80,85 80,105"),  # Ц
    ("60,0 0,0 35,50 0,100 60,100",),  # Σ
    ("0,0 5,45 40,60 75,45 80,0", "40,0 40,100"),  # Ψ
    ("0,100 25,100 5,60 15,15 40,0 65,15 75,60 55,100 80,100",),  # Ω
    ("0,0 35,50 0,100", "80,0 45,50 80,100", "40,0 40,100", "35,50 45,50"),  # Ж
    ("0,0 0,100", "0,50 30,50", "30,50 45,5 75,5 90,50 75,95 45,95 30,50"),  # Ю
    ("45,0 45,100", "45,20 10,25 0,45 10,65 45,70 80,65 90,45 80,25 45,20"),  # Ф
    ("0,100 15,100 15,80 70,80 70,100", "20,80 35,0 60,0 60,80"),  # Д
    ("0,55 15,45 35,100 60,0 110,0",),  # √
    ("70,10 35,0 5,30 0,55 10,85 40,100 70,90", "-10,40 45,40", "-10,60 45,60"),  # €
    ("30,0 30,70", "0,35 60,35", "0,100 60,100"),  # ±
)

SIDE, BOX = 28, 20
OVERSIZE = 4  # drawn so many times larger and then reduced, for soft edges
UNSTEADY = 0.03  # of the letter's height
LETTER_PEN, SCRIBBLE_PEN = (0.06, 0.2), (0.03, 0.08)  # of the drawing's longer side
MOST_LOOPS, LONGEST_WALK = 6, 60


def draw_outliers(kind: str, count: int, shape: tuple[int, int], seed: int) -> Pixels:
    """Draw pictures of no class.

    Args:
        kind: One of KINDS.
        count: How many.
        shape: Height and width.
        seed: The same seed gives the same pictures.

    Returns:
        uint8 (count, height, width), light on black.
    """
    rng = np.random.default_rng((seed, list(KINDS).index(kind)))
    pictures = [KINDS[kind](rng) for _ in range(count)]
    return np.stack([cv2.resize(each, shape[::-1]) for each in pictures]).astype(np.uint8)


def _letter(rng: np.random.Generator) -> Pixels:
    strokes = map(_points, LETTERS[rng.integers(len(LETTERS))])
    unsteady = [stroke + rng.normal(0, UNSTEADY, stroke.shape) for stroke in strokes]
    lean = np.array([[rng.uniform(0.7, 1.2), rng.normal(0, 0.2)], [0, 1]])
    return _penned([stroke @ lean.T for stroke in unsteady], rng.uniform(*LETTER_PEN))


@cache
def _points(stroke: str) -> Floats:
    """Return the points of a stroke, (n, 2), in heights of the letter."""
    return np.array([point.split(",") for point in stroke.split()], np.float64) / 100


def _scribble(rng: np.random.Generator) -> Pixels:
    ways = (_loops, _walk, _hatching)
    strokes = ways[rng.integers(len(ways))](rng)
    turn = rng.uniform(0, np.pi)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return _penned([stroke @ matrix.T for stroke in strokes], rng.uniform(*SCRIBBLE_PEN))


def _loops(rng: np.random.Generator) -> list[Floats]:
    """Return a row of loops, as of someone who tries a pen."""
    t = np.linspace(0, 2 * np.pi * rng.integers(3, MOST_LOOPS), 200)
    along = rng.uniform(0.1, 0.3) * t
    return [np.column_stack([along + 0.7 * np.cos(t), rng.uniform(0.7, 1.5) * np.sin(t)])]


def _walk(rng: np.random.Generator) -> list[Floats]:
    """Return a walk whose direction wanders."""
    heading = np.cumsum(rng.normal(0, 1, rng.integers(LONGEST_WALK // 2, LONGEST_WALK)))
    return [np.cumsum(np.column_stack([np.cos(heading), np.sin(heading)]), axis=0)]


def _hatching(rng: np.random.Generator) -> list[Floats]:
    """Return parallel strokes."""
    lines = rng.integers(4, 7)
    ends = rng.normal((-0.5, 0.5), 0.1, (lines, 2))
    return [np.column_stack([end, [row / lines] * 2]) for row, end in enumerate(ends)]


def _penned(strokes: list[Floats], pen: float) -> Pixels:
    """Draw strokes in the form of MNIST's digits: fitted to a box, centred by mass."""
    points = np.vstack(strokes)
    first, size = points.min(axis=0), np.ptp(points, axis=0)
    width = round(pen * BOX * OVERSIZE)
    scale = (BOX * OVERSIZE - width) / size.max()
    room = (SIDE * OVERSIZE - size * scale) / 2
    page = np.zeros((SIDE * OVERSIZE,) * 2, np.uint8)
    lines = [np.rint((stroke - first) * scale + room).astype(np.int32) for stroke in strokes]
    cv2.polylines(page, lines, isClosed=False, color=255, thickness=width, lineType=cv2.LINE_AA)
    mass = cv2.moments(page)
    shift = [SIDE * OVERSIZE / 2 - mass[axis] / mass["m00"] for axis in ("m10", "m01")]
    centred = cv2.warpAffine(page, np.column_stack([np.eye(2), shift]), page.shape)
    return cv2.resize(centred, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _texture(rng: np.random.Generator) -> Pixels:
    """Return a picture that is filled to its edges: noise, blobs, waves, checks or a gradient."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    turn = rng.uniform(0, np.pi)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    noise, period = rng.random((SIDE, SIDE)), rng.uniform(3, 14)
    textures = (
        noise,
        cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.7, 3)),
        np.sin(2 * np.pi * along / period),
        np.sign(np.sin(2 * np.pi * along / period) * np.sin(2 * np.pi * across / period)),
        along + rng.normal(0, 2, along.shape),
    )
    chosen = textures[rng.integers(len(textures))]
    return np.asarray(np.rint(255 * (chosen - chosen.min()) / np.ptp(chosen)), np.uint8)


KINDS: dict[str, Callable[[np.random.Generator], Pixels]] = {
    "letters": _letter,
    "scribbles": _scribble,
    "textures": _texture,
}
