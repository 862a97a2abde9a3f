"""Read and download the files that data sets are published in."""

import gzip
import struct
import threading
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.digits.splits import load_arrays
from pipeline.system.errors import InputError
from pipeline.system.files import MOST_UNPACKED, replace_when_written
from pipeline.system.progress import BYTES, SHOW_AFTER, progress

if TYPE_CHECKING:
    from http.client import HTTPResponse

KERAS_DATASETS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"

# The four arrays of MNIST and of data sets in its format: names of the IDX files, and in Keras's
# .npz file.
NPZ_NAMES = {
    "train-images": "x_train",
    "train-labels": "y_train",
    "t10k-images": "x_test",
    "t10k-labels": "y_test",
}

# How long a server may take to begin its answer, and how long it may then pause, in seconds.
FIRST_BYTES_WITHIN = 12.0
SILENCE_WITHIN = 10.0
CHUNK = 1 << 16  # bytes read at a time


def download(url: str, path: Path) -> None:
    """Download a file; if that fails, leave nothing at `path`.

    Raises:
        OSError: The server cannot be reached, refuses, or does not answer in time (`TimeoutError`).
    """
    import urllib.request
    from http.client import HTTPException

    answering = threading.Event()
    begun = threading.Lock()  # taken once: by the answer, or by giving up
    failures: list[OSError] = []

    def fetch() -> None:
        try:
            with urllib.request.urlopen(url, timeout=SILENCE_WITHIN) as answer:
                if begun.acquire(blocking=False):
                    answering.set()
                    _save(answer, path)
        except (OSError, HTTPException) as error:
            failures.append(error if isinstance(error, OSError) else OSError(str(error)))
        finally:
            answering.set()

    # In a thread, since no time-out of urllib covers a name server that does not answer.
    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    if not answering.wait(FIRST_BYTES_WITHIN) and begun.acquire(blocking=False):
        raise TimeoutError(f"no answer within {FIRST_BYTES_WITHIN:.0f} s")
    thread.join()
    if failures:
        raise failures[0]


def _save(answer: "HTTPResponse", path: Path) -> None:
    expected = int(answer.headers.get("Content-Length") or 0)
    with (
        replace_when_written(path) as temporary,
        temporary.open("wb") as file,
        progress(expected, BYTES, path.name, after=SHOW_AFTER) as shown,
    ):
        while part := answer.read(CHUNK):
            file.write(part)
            shown.step(by=len(part))
        # A broken connection looks like the end of the file.
        if expected and shown.done != expected:
            raise OSError(f"incomplete: {shown.done} of {expected} bytes received")


def keras_cache() -> Path:
    """Return the folder that Keras keeps downloaded data sets in."""
    return Path.home() / ".keras" / "datasets"


def read_mnist(path: Path) -> dict[str, NDArray[np.uint8]]:
    """Read the four arrays of MNIST from an mnist.npz, or from a folder with that or IDX files.

    Returns:
        By the names in `NPZ_NAMES`: images uint8 (n, 28, 28), labels uint8 (n,).

    Raises:
        InputError: A file is missing or broken.
    """
    if path.is_file():
        return read_npz(path)
    if (path / "mnist.npz").is_file():
        return read_npz(path / "mnist.npz")
    if not path.is_dir():
        raise InputError(f"{path}: no such folder or file; data.path or MNIST_DIR must name MNIST")
    return read_idx_files(path)


def read_idx_files(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """Read the four IDX files of a folder, gzipped or not; see `read_mnist`."""
    return {name: _read_idx(_find_idx(folder, name)) for name in NPZ_NAMES}


def _find_idx(folder: Path, name: str) -> Path:
    dimensions = 3 if name.endswith("images") else 1
    for ending in (f"-idx{dimensions}-ubyte", f".idx{dimensions}-ubyte"):
        for packed in ("", ".gz"):
            candidate = folder / f"{name}{ending}{packed}"
            if candidate.is_file():
                return candidate
    raise InputError(
        f"{folder}: no {name}-idx{dimensions}-ubyte(.gz) there; data.path (or MNIST_DIR) must name "
        "a folder with the four files of the data set"
    )


def _read_idx(path: Path) -> NDArray[np.uint8]:
    unpack = gzip.open if path.suffix == ".gz" else Path.open
    try:
        with unpack(path, "rb") as file:
            content = file.read(MOST_UNPACKED + 1)
        if len(content) > MOST_UNPACKED:
            raise ValueError(f"it holds more than {MOST_UNPACKED:,} bytes")
        _, _, dimensions = struct.unpack(">HBB", content[:4])
        shape = struct.unpack(f">{dimensions}I", content[4 : 4 + 4 * dimensions])
        return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    except (OSError, EOFError, zlib.error, struct.error, ValueError) as error:
        raise InputError(f"{path}: not a readable IDX file ({error}); fetch it again") from error


def read_npz(path: Path) -> dict[str, NDArray[np.uint8]]:
    """Read the four arrays of an mnist.npz as Keras publishes it; see `read_mnist`."""
    arrays = load_arrays(path, "fetch it again")
    missing = sorted(set(NPZ_NAMES.values()) - set(arrays))
    if missing:
        raise InputError(f"{path}: holds no {', '.join(missing)}; it must be Keras's mnist.npz")
    return {name: arrays[npz_name] for name, npz_name in NPZ_NAMES.items()}
