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

# The most that a disturbance amounts to; each is drawn uniformly from 0 for each picture. Tuned on
# validation pictures, as D. Rusak et al. tune noise ("A simple way to make neural networks robust
# against diverse image corruptions", ECCV 2020).
NOISE, CLOUD, FINE_CLOUD = 0.3, 0.3, 0.15  # standard deviations, as shares of the values' range
PALER = 0.5  # share of the contrast that is lost
PATCH, FRAGMENT = 10, 14  # sides in pixels: of an even patch, of a piece of another picture
FINE_NODES = 10

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
        disturbed: Share of the distorted pictures, 0..1, that are disturbed besides: covered in
            part, made paler, clouded and noisy.
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
    disturbed: Share = 0.0


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
    if distortion.disturbed:
        rows = np.flatnonzero(chosen * (rng.random(len(tiles)) < distortion.disturbed))
        resampled[rows] = _disturbed(resampled[rows], rng)
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


def _bells(length: int, count: int = NODES) -> NDArray[np.float64]:
    """Return bell curves over `length` pixels whose squares add up to 1 at every pixel.

    So their sum, weighted by standard normal numbers, has a variance of 1 everywhere.
    """
    nodes = np.linspace(0, length - 1, count)[:, None]
    spacing = max(1.0, (length - 1) / (count - 1))
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
    tiles[_rectangles(tiles.shape, longest, rng)] = 0


def _rectangles(
    shape: tuple[int, ...], longest: Floats, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw a rectangle anywhere in each picture, its sides uniform up to the longest (n,)."""
    inside = []
    for length in shape[1:]:
        half = rng.random(shape[0], np.float32) * longest / 2
        center = rng.random(shape[0], np.float32) * length
        inside.append(np.abs(np.arange(length) + 0.5 - center[:, None]) < half[:, None])
    return np.asarray(inside[0][:, :, None] & inside[1][:, None, :])


def _disturbed(tiles: Pixels, rng: np.random.Generator) -> Pixels:
    """Disturb pictures, (n, height, width), n may be 0; how much is drawn for each."""
    count, height, width = tiles.shape

    def amounts(largest: float, share: float = 1.0) -> Floats:
        drawn = rng.random(count, np.float32) * np.float32(255 * largest)
        return np.where(rng.random(count) < share, drawn, np.float32(0))

    def field(fine: int, deviation: Floats) -> Floats:
        weights = rng.standard_normal((count, fine**2), np.float32) * deviation[:, None]
        return _product(weights, _clouds(height, width, fine)).reshape(tiles.shape)

    if not count:
        return tiles
    values = _covered(tiles, rng).astype(np.float32)
    values *= 1 - amounts(PALER)[:, None, None] / 255
    values += field(NODES, amounts(CLOUD, share=0.5))
    values += field(FINE_NODES, amounts(FINE_CLOUD, share=0.5))
    values += rng.standard_normal(tiles.shape, np.float32) * amounts(NOISE)[:, None, None]
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def _covered(tiles: Pixels, rng: np.random.Generator) -> Pixels:
    """Cover half of the pictures with an even patch, add to a third a piece of another picture."""
    count = len(tiles)
    half, third = (
        np.float32(longest) * (rng.random(count) < share)
        for longest, share in ((PATCH, 1 / 2), (FRAGMENT, 1 / 3))
    )
    shift = tuple(rng.integers(-12, 13, 2).tolist())
    other = np.roll(np.roll(tiles, 1, axis=0), shift, axis=(1, 2))
    with_piece = np.maximum(tiles, other * _rectangles(tiles.shape, third, rng))
    tones = rng.integers(0, 256, (count, 1, 1), np.uint8)
    return np.where(_rectangles(tiles.shape, half, rng), tones, with_piece)


@lru_cache(maxsize=8)
def _clouds(height: int, width: int, nodes: int) -> Floats:
    """Return fixed surfaces, (nodes ** 2, height * width), whose random sums are clouds."""
    return np.kron(_bells(height, nodes), _bells(width, nodes)).astype(np.float32)
