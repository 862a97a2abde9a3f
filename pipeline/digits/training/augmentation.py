"""Distort pictures, so that a network learns the digit and not the handwriting.

The pictures of a chunk are stacked into one tall strip, which a single call of OpenCV resamples.
One matrix product gives the source of every pixel of the chunk, since a smooth displacement is a
weighted sum of a few fixed surfaces: three planes for the affine part, one bell curve per node of a
coarse grid for the elastic part.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from threadpoolctl import threadpool_limits

from pipeline.system.arrays import Pixels

Floats = NDArray[np.float32]
Share = Annotated[float, Field(ge=0, le=1)]

# OpenCV resamples at most 32,767 rows at once; fewer fit into the processor's cache.
STRIP_ROWS = 14_336
NODES = 6

# The published figures were made with as many.
BLAS_THREADS = 2


@dataclass(frozen=True)
class Distortion:
    """How far pictures are distorted. Amounts are drawn uniformly for each picture.

    Attributes:
        share: Share of the pictures, 0..1, that are distorted; the others stay as they are.
        rotation: Largest rotation in either direction, in degrees.
        shear: Largest shear in either direction, in pixels across per pixel down.
        scale: Largest change of size: 0.2 means from 1/1.2 to 1.2 times.
        stretch: Largest change of width relative to height, in the same measure as `scale`.
        shift: Largest shift along each axis, in pixels.
        elastic: Standard deviation of the elastic displacement (Simard et al. 2003), in pixels.
        thickness: Largest change of stroke width: 1 is one pixel more, or less, on each side.
        erase: Longest side of a rectangle that is blanked, in pixels (as in "Cutout", DeVries &
            Taylor 2017, with sides drawn at random).
    """

    share: Share = 1.0
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    shear: Annotated[float, Field(ge=0, le=1)] = 0.0
    scale: Annotated[float, Field(ge=0, le=1)] = 0.0
    stretch: Annotated[float, Field(ge=0, le=1)] = 0.0
    shift: Annotated[float, Field(ge=0, le=14)] = 0.0
    elastic: Annotated[float, Field(ge=0, le=5)] = 0.0
    thickness: Share = 0.0
    erase: Annotated[float, Field(ge=0, le=28)] = 0.0


def distort(images: Pixels, distortion: Distortion, rng: np.random.Generator) -> Pixels:
    """Distort each picture by random amounts.

    Args:
        images: uint8 (n, height, width), 0..255, light strokes on a dark ground.
        distortion: How far.
        rng: Draws the amounts; the same state gives the same pictures.

    Returns:
        uint8 (n, height, width).
    """
    distorted = np.empty_like(images)
    chunk = max(1, STRIP_ROWS // images.shape[1])
    for start in range(0, len(images), chunk):
        tiles = np.ascontiguousarray(images[start : start + chunk])
        distorted[start : start + chunk] = _distort_chunk(tiles, distortion, rng)
    return distorted


def _distort_chunk(tiles: Pixels, distortion: Distortion, rng: np.random.Generator) -> Pixels:
    # Pictures that stay as they are go through the same steps, with every amount at zero.
    chosen = (rng.random(len(tiles)) < distortion.share).astype(np.float32)
    if distortion.thickness:
        tiles = _change_thickness(tiles, chosen * _uniform(rng, len(tiles), distortion.thickness))
    resampled = _resample(tiles, *_displacements(tiles.shape, distortion, chosen, rng))
    if distortion.erase:
        _erase(resampled, chosen * np.float32(distortion.erase), rng)
    return resampled


def _uniform(rng: np.random.Generator, count: int, largest: float) -> Floats:
    """Draw uniformly from -largest..largest."""
    return (rng.random(count, np.float32) * 2 - 1) * np.float32(largest)


def _ratio(rng: np.random.Generator, count: int, largest: float) -> Floats:
    """Draw a factor from 1/(1 + largest)..1 + largest, as often below 1 as above."""
    return np.exp(_uniform(rng, count, np.log1p(largest)))


def _displacements(
    shape: tuple[int, ...],
    distortion: Distortion,
    chosen: Floats,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Return the source column and row of each pixel: float32 (n, height * width) each."""
    count, height, width = shape
    weights = np.zeros((2, count, 3 + NODES**2), np.float32)
    weights[:, :, :2] = _linear_parts(distortion, chosen, rng)
    weights[:, :, 2] = rng.random((2, count), np.float32) * 2 - 1
    weights[:, :, 2] *= chosen * np.float32(distortion.shift)
    weights[:, :, 3:] = rng.standard_normal((2, count, NODES**2), np.float32)
    weights[:, :, 3:] *= chosen[:, None] * np.float32(distortion.elastic)
    weights[0, :, 0] += 1
    weights[1, :, 1] += 1
    weights[0, :, 2] += (width - 1) / 2
    weights[1, :, 2] += (height - 1) / 2
    return _product(weights[0], _surfaces(height, width)), _product(
        weights[1], _surfaces(height, width)
    )


@cache
def _fix_blas_threads() -> None:
    """Make products come out the same on any machine, for as long as this process lives.

    Their rounding depends on the number of threads: one per core, or what OPENBLAS_NUM_THREADS
    says, which Ray sets to 1.
    """
    threadpool_limits(BLAS_THREADS, user_api="blas")


def _product(first: Floats, second: Floats) -> Floats:
    # Not by NumPy: while TensorFlow keeps the cores busy, NumPy's threads spend ten times the
    # processor time waiting for each other.
    _fix_blas_threads()
    return np.asarray(cv2.gemm(first, second, 1.0, np.empty(0, np.float32), 0.0), np.float32)


def _linear_parts(distortion: Distortion, chosen: Floats, rng: np.random.Generator) -> Floats:
    """Draw rotation, shear, scale and stretch: (2, n, 2), change of column and row per pixel."""
    count = len(chosen)
    angle = chosen * _uniform(rng, count, np.deg2rad(distortion.rotation))
    slant = chosen * _uniform(rng, count, distortion.shear)
    size = _ratio(rng, count, distortion.scale) ** chosen
    widening = _ratio(rng, count, distortion.stretch) ** (chosen / 2)
    across, down = size * widening, size / widening
    cosine, sine = np.cos(angle), np.sin(angle)
    column = np.stack([cosine * across - 1, (cosine * slant - sine) * down], axis=1)
    row = np.stack([sine * across, (sine * slant + cosine) * down - 1], axis=1)
    return np.stack([column, row])


@lru_cache(maxsize=8)
def _surfaces(height: int, width: int) -> Floats:
    """Return the fixed surfaces whose sums are displacements: (3 + NODES ** 2, height * width)."""
    rows, columns = np.mgrid[:height, :width]
    plane = [columns - (width - 1) / 2, rows - (height - 1) / 2, np.ones((height, width))]
    elastic = np.kron(_bells(height), _bells(width))
    return np.vstack([np.reshape(plane, (3, -1)), elastic]).astype(np.float32)


def _bells(length: int) -> NDArray[np.float64]:
    """Return NODES bell curves over `length` pixels whose squares add up to 1 at every pixel.

    So their sum, weighted by standard normal numbers, has a variance of 1 everywhere.
    """
    nodes = np.linspace(0, length - 1, NODES)[:, None]
    spacing = max(1.0, (length - 1) / (NODES - 1))
    bells = np.exp(-0.5 * ((np.arange(length) - nodes) / spacing) ** 2)
    return np.asarray(bells / np.linalg.norm(bells, axis=0))


def _resample(tiles: Pixels, columns: Floats, rows: Floats) -> Pixels:
    count, height, width = tiles.shape
    # Without this, a source outside the picture would be in its neighbour in the strip.
    np.clip(rows, 0, height - 1, out=rows)
    rows += np.arange(0, count * height, height, dtype=np.float32)[:, None]
    strip = (count * height, width)
    resampled = cv2.remap(
        tiles.reshape(strip),
        columns.reshape(strip),
        rows.reshape(strip),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(resampled, np.uint8).reshape(tiles.shape)


def _change_thickness(tiles: Pixels, amounts: Floats) -> Pixels:
    """Mix in the dilated picture where the amount is positive, the eroded one where negative."""
    thicker, thinner = _neighbours(tiles, np.maximum), _neighbours(tiles, np.minimum)
    other = np.where(amounts[:, None, None] > 0, thicker, thinner)
    return _mix(tiles, other, np.abs(amounts))


def _neighbours(tiles: Pixels, choose: np.ufunc) -> Pixels:
    """Return, for every pixel, what `choose` makes of it and its four neighbours.

    The strip is treated as one line of pixels, which is several times faster than row by row. So
    the last pixel of a row has the first one of the next row as its neighbour; digits have no ink
    there.
    """
    line, width = tiles.reshape(-1), tiles.shape[2]
    chosen = line.copy()
    for step in (1, width):
        choose(chosen[step:], line[:-step], out=chosen[step:])
        choose(chosen[:-step], line[step:], out=chosen[:-step])
    return chosen.reshape(tiles.shape)


def _mix(tiles: Pixels, other: Pixels, shares: Floats) -> Pixels:
    """Interpolate between each picture (share 0) and the other (share 1)."""
    # In steps of 1/128 the products stay within int16.
    steps = np.rint(shares * 128).astype(np.int16)[:, None, None]
    change = other.astype(np.int16)
    change -= tiles
    change *= steps
    change >>= 7
    change += tiles
    return change.astype(np.uint8)


def _erase(tiles: Pixels, longest: Floats, rng: np.random.Generator) -> None:
    """Blank a rectangle anywhere in each picture, its sides drawn uniformly up to the longest."""
    inside = []
    for length in tiles.shape[1:]:
        half = rng.random(len(tiles), np.float32) * longest / 2
        center = rng.random(len(tiles), np.float32) * length
        inside.append(np.abs(np.arange(length) + 0.5 - center[:, None]) < half[:, None])
    tiles[inside[0][:, :, None] & inside[1][:, None, :]] = 0
