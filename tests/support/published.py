"""Data sets in the formats they are published in: IDX files and .npz archives."""

import gzip
import struct

import numpy as np

from pipeline.digits.datasets.files import NPZ_NAMES


def idx_bytes(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx_files(folder, arrays, *, packed=True):
    for name, array in arrays.items():
        path = folder / f"{name}-idx{array.ndim}-ubyte{'.gz' if packed else ''}"
        content = idx_bytes(array)
        path.write_bytes(gzip.compress(content) if packed else content)


def write_npz(path, arrays):
    np.savez(path, **{NPZ_NAMES[name]: array for name, array in arrays.items()})


def small_arrays():
    """Return the four arrays of a small MNIST: 60 digits for training, 20 for testing."""
    rng = np.random.default_rng(1)
    return {
        "train-images": rng.integers(0, 256, (60, 28, 28), dtype=np.uint8),
        "train-labels": np.arange(60, dtype=np.uint8) % 10,
        "t10k-images": rng.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        "t10k-labels": np.arange(20, dtype=np.uint8) % 10,
    }


def same_arrays(found, expected):
    return found.keys() == expected.keys() and all(
        np.array_equal(found[name], expected[name]) for name in expected
    )
