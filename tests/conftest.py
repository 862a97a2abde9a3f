"""Fixtures and settings for all tests."""

import os
import shutil
import sys
import tempfile
from multiprocessing.util import Finalize
from pathlib import Path

import absl.logging
import numpy as np
import pytest
from hypothesis import settings

from pipeline.config.composing import compose
from pipeline.digits.splits import Split
from pipeline.system.garbage import collect_garbage_less_often

# The same examples each time; `make fuzz` takes many others.
settings.register_profile("short", derandomize=True, deadline=None)
settings.register_profile("long", max_examples=5_000, deadline=None)
settings.load_profile("short")

ROOT = Path(__file__).resolve().parent.parent
MEMORY = Path("/dev/shm")  # a folder in memory, on Linux
ROOM = 4 << 30  # bytes; the tests take a quarter of a gigabyte, and other programs need some


def pytest_configure():
    """Keep temporary files in memory: on a disk, every commit of a database has to wait."""
    collect_garbage_less_often()  # the tests, too, import everything
    # Whoever configures logging anew makes absl close the stream it found when imported. That would
    # be pytest's own, and every later test of the process would fail; absl never closes this one.
    absl.logging.get_absl_handler().python_handler.setStream(sys.__stderr__)
    if "TMPDIR" in os.environ or not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM:
        return
    os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix="digits", dir=MEMORY)
    Path(tempfile.tempdir).chmod(0o711)  # for PostgreSQL, which refuses to run as root
    # A lower priority than that with which multiprocessing removes its own folder in there.
    Finalize(None, shutil.rmtree, (tempfile.tempdir, True), exitpriority=-200)


def pytest_collection_modifyitems(items):
    """Start with the files that take minutes, so that no worker is left alone with them."""
    long = {item.path for item in items if item.get_closest_marker("end_to_end")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def default_tree():
    """Return the composed default configuration; change copies of it only."""
    return compose([])


@pytest.fixture(autouse=True)
def no_store_of_another_test():
    """Forget the store a test used: MLflow keeps its address in the environment.

    Before the test and after it, when the fixtures of the next module come first.
    """
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    yield
    os.environ.pop("MLFLOW_TRACKING_URI", None)


@pytest.fixture
def digits_like():
    """Return 200 random 28×28 pictures with 20 labels per class, in random order."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (200, 28, 28), dtype=np.uint8)
    return Split(images, rng.permutation(np.repeat(np.arange(10, dtype=np.uint8), 20)))
