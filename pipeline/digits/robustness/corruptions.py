"""Corrupt pictures in fifteen ways, in the style of MNIST-C.

MNIST-C (N. Mu and J. Gilmer, "MNIST-C: A robustness benchmark for computer vision", 2019,
arXiv 1906.02337) is a published set of corrupted test digits, with one severity a kind. This is our
own implementation of its fifteen kinds, not that set: accuracies on it are close to, but not
comparable with, published ones. No training may use it, or the measure would lose its meaning; the
import contracts see to that.

Severities, where a picture's values are 0..1 and 28 pixels are its side; lengths are in pixels:

    shot noise      Poisson noise with 3 photons in a white pixel
    impulse noise   17 % of the pixels, half of them black, half of them white
    glass blur      blur (σ 0.7), each pixel replaced twice by one next to it, blur (σ 0.7)
    motion blur     trail of half a Gaussian (σ 3, 10 long), within 45° of the horizontal
    shear           0.4 across per pixel down, to either side
    scale           0.7 times as large
    rotate          0.4 radians in either direction
    brightness      0.5 added
    translate       3 along each axis
    stripe          the left and the right quarter inverted
    fog             a fractal cloud of three times the contrast, then scaled back to the same range
    spatter         mud at 63/255 where smoothed noise (σ 1, then σ 1.5) is high
    dotted line     a line from side to side, on for 2 columns, off for 2
    zigzag          a line of teeth 2 high and 4 wide from side to side
    canny edges     Canny's edges (σ 1, thresholds 0.1 and 0.2)
"""

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.system.arrays import Pixels

Values = NDArray[Any]  # of pixels, 0..255 and beyond; `corrupt` rounds and clips them
Corruption = Callable[[Pixels, np.random.Generator], Values]

PHOTONS = 3
IMPULSES = 0.17
GLASS_BLUR, GLASS_ROUNDS = 0.7, 2
TRAIL_LENGTH, TRAIL_SIGMA, STEEPEST_TRAIL = 10, 3.0, np.pi / 4
SLANT, SHRINKING, TURN, SHIFT = 0.4, 0.7, 0.4, 3
BRIGHTER = 0.5
FOG, FOG_ROUGHNESS, FOG_CELLS = 3.0, 1 / 1.4, (32, 16, 8, 4, 2, 1)
WET, WETNESS, MUD = 0.65, (0.65, 0.3), 63
LINE_WIDTH = 2.3
DASH = 2
TOOTH, MARGIN, STEEPEST_ZIGZAG = 2, 2, 5
EDGE_THRESHOLDS = 25.5, 51.0


def corrupt(images: Pixels, kind: str, seed: int) -> Pixels:
    """Corrupt each picture.

    Args:
        images: uint8 (n, height, width), light on black.
        kind: One of KINDS.
        seed: The same seed gives the same pictures, whichever other kinds are made.

    Returns:
        uint8 (n, height, width).
    """
    rng = np.random.default_rng((seed, list(KINDS).index(kind)))
    corrupted = KINDS[kind](images, rng)
    return np.asarray(np.clip(np.rint(corrupted), 0, 255), np.uint8)


def _shot_noise(images: Pixels, rng: np.random.Generator) -> Values:
    return rng.poisson(images * (PHOTONS / 255)) * (255 / PHOTONS)


def _impulse_noise(images: Pixels, rng: np.random.Generator) -> Values:
    drawn = rng.random(images.shape, np.float32)
    salted = np.where(drawn < IMPULSES / 2, np.uint8(255), images)
    return np.where(drawn > 1 - IMPULSES / 2, np.uint8(0), salted)


def _glass_blur(images: Pixels, rng: np.random.Generator) -> Values:
    count, height, width = images.shape
    rows, columns = np.mgrid[:height, :width]
    pictures = np.arange(count)[:, None, None]
    shuffled = _blurred(images, GLASS_BLUR)
    for _ in range(GLASS_ROUNDS):
        down, across = rng.integers(-1, 2, (2, *images.shape))
        taken = np.clip(rows + down, 0, height - 1), np.clip(columns + across, 0, width - 1)
        shuffled = shuffled[pictures, *taken]
    return _blurred(shuffled, GLASS_BLUR)


def _motion_blur(images: Pixels, rng: np.random.Generator) -> Values:
    angles = rng.uniform(-STEEPEST_TRAIL, STEEPEST_TRAIL, len(images))
    return np.stack(
        [
            cv2.filter2D(image, -1, _trail(angle), borderType=cv2.BORDER_CONSTANT)
            for image, angle in zip(images, angles, strict=True)
        ]
    )


def _trail(angle: float) -> Values:
    """Return the kernel, (21, 21), that smears a point to one side."""
    distance = np.arange(TRAIL_LENGTH + 1)
    weights = np.exp(-0.5 * (distance / TRAIL_SIGMA) ** 2)
    rows, columns = (
        np.rint(TRAIL_LENGTH + distance * part(angle)).astype(int) for part in (np.sin, np.cos)
    )
    kernel = np.zeros((2 * TRAIL_LENGTH + 1,) * 2)
    kernel[rows, columns] = weights / weights.sum()
    return kernel


def _shear(images: Pixels, rng: np.random.Generator) -> Values:
    slants = _either_way(SLANT, len(images), rng)
    return _warped(images, [np.array([[1, slant], [0, 1]]) for slant in slants])


def _rotate(images: Pixels, rng: np.random.Generator) -> Values:
    turns = _either_way(TURN, len(images), rng)
    sine, cosine = np.sin(turns), np.cos(turns)
    return _warped(images, np.array([[cosine, -sine], [sine, cosine]]).transpose(2, 0, 1))


def _scale(images: Pixels, rng: np.random.Generator) -> Values:
    return _warped(images, np.tile(SHRINKING * np.eye(2), (len(images), 1, 1)))


def _translate(images: Pixels, rng: np.random.Generator) -> Values:
    shifts = _either_way(SHIFT, (len(images), 2), rng)
    return _warped(images, np.tile(np.eye(2), (len(images), 1, 1)), shifts)


def _either_way(amount: float, shape: int | tuple[int, ...], rng: np.random.Generator) -> Values:
    return np.asarray(amount * rng.choice((-1.0, 1.0), shape))


def _warped(
    images: Pixels, matrices: Sequence[Values] | Values, shifts: Values | None = None
) -> Values:
    """Move the content of each picture by its matrix, (2, 2), about the centre, then by its shift.

    Both are in (x, y), in pixels; what comes in from outside is black.
    """
    height, width = images.shape[1:]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    moved = np.empty_like(images)
    for number, (image, matrix) in enumerate(zip(images, matrices, strict=True)):
        offset = centre - matrix @ centre + (0 if shifts is None else shifts[number])
        cv2.warpAffine(image, np.column_stack([matrix, offset]), (width, height), moved[number])
    return moved


def _brightness(images: Pixels, rng: np.random.Generator) -> Values:
    return images + 255 * BRIGHTER


def _stripe(images: Pixels, rng: np.random.Generator) -> Values:
    striped, quarter = images.copy(), images.shape[2] // 4
    for columns in (slice(quarter), slice(-quarter, None)):
        striped[:, :, columns] = 255 - striped[:, :, columns]
    return striped


def _fog(images: Pixels, rng: np.random.Generator) -> Values:
    brightest = images.max(axis=(1, 2), keepdims=True) / 255
    foggy = images / 255 + FOG * _clouds(images.shape, rng)
    return np.asarray(255 * foggy * brightest / (brightest + FOG))


def _clouds(shape: tuple[int, ...], rng: np.random.Generator) -> Values:
    """Draw fractal noise, 0..1 in each picture: octaves, each finer and weaker than the last."""
    count, height, width = shape
    clouds = np.zeros(shape)
    for octave, cell in enumerate(FOG_CELLS):
        grids = rng.random((count, height // cell + 2, width // cell + 2))
        for cloud, grid in zip(clouds, grids, strict=True):
            large = cv2.resize(grid, None, fx=cell, fy=cell, interpolation=cv2.INTER_LINEAR)
            cloud += FOG_ROUGHNESS**octave * large[cell : height + cell, cell : width + cell]
    clouds -= clouds.min(axis=(1, 2), keepdims=True)
    return np.asarray(clouds / clouds.max(axis=(1, 2), keepdims=True))


def _spatter(images: Pixels, rng: np.random.Generator) -> Values:
    wet = _blurred(rng.normal(*WETNESS, images.shape), 1.0) > WET
    mud = _blurred(wet.astype(np.float64), 1.5)
    mud[mud < 0.8] = 0
    return np.asarray(images * (1 - mud) + MUD * mud)


def _dotted_line(images: Pixels, rng: np.random.Generator) -> Values:
    height, width = images.shape[1:]
    first, last = rng.integers(0, height - 1, (2, len(images), 1))
    columns = np.arange(width)
    line = _ink(first + (last - first) * columns / (width - 1), height)
    line[:, :, columns // DASH % 2 == 0] = 0
    return images + line


def _zigzag(images: Pixels, rng: np.random.Generator) -> Values:
    height, width = images.shape[1:]
    first = rng.integers(0, height - 1, (len(images), 1))
    last = first + rng.integers(-STEEPEST_ZIGZAG, STEEPEST_ZIGZAG, (len(images), 1))
    along = np.arange(width) - MARGIN
    teeth = np.interp(along % (4 * TOOTH), np.arange(5) * TOOTH, TOOTH * np.array([0, 1, 0, -1, 0]))
    line = _ink(first + (last - first) * along / (width - 1 - 2 * MARGIN) + teeth, height)
    line[:, :, :MARGIN] = line[:, :, -MARGIN:] = 0
    return images + line


def _ink(middle: Values, height: int) -> Values:
    """Draw lines that run from left to right: (n, height, width), 0..255.

    Args:
        middle: The line's row in each column, (n, width).
        height: Of the pictures.
    """
    distance = np.abs(np.arange(height)[:, None] - middle[:, None])
    strength = 1 + np.log1p(-np.minimum(distance / LINE_WIDTH, 0.999))
    return np.asarray(255 * np.clip(strength, 0, 1))


def _canny_edges(images: Pixels, rng: np.random.Generator) -> Values:
    smooth = _blurred(images, 1.0)
    return np.stack([cv2.Canny(image, *EDGE_THRESHOLDS, L2gradient=True) for image in smooth])


def _blurred(images: Values, sigma: float) -> Values:
    return np.stack([cv2.GaussianBlur(image, (0, 0), sigma) for image in images])


KINDS: dict[str, Corruption] = {
    "shot noise": _shot_noise,
    "impulse noise": _impulse_noise,
    "glass blur": _glass_blur,
    "motion blur": _motion_blur,
    "shear": _shear,
    "scale": _scale,
    "rotate": _rotate,
    "brightness": _brightness,
    "translate": _translate,
    "stripe": _stripe,
    "fog": _fog,
    "spatter": _spatter,
    "dotted line": _dotted_line,
    "zigzag": _zigzag,
    "canny edges": _canny_edges,
}
"""The fifteen kinds, in the order of the paper."""
