"""Pictures and texts that someone has looked at, kept in `tests/data/kept`.

What a seed draws has no expected outcome but the one that was approved. If it changes on purpose,
delete the file, run the test, look at the new one, and commit it: results of earlier seeds change.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest

KEPT = Path(__file__).parents[1] / "data" / "kept"
ROUNDING = 4  # grey values that another processor may round to


def assert_as_kept(name, images, columns=10):
    """Compare pictures, uint8 (n, h, w), with the kept sheet; draw the sheet if there is none."""
    height, width = images.shape[1:]
    rows = -(-len(images) // columns)
    padded = np.zeros((rows * columns, height, width), np.uint8)
    padded[: len(images)] = images
    sheet = padded.reshape(rows, columns, height, width).swapaxes(1, 2)
    sheet = sheet.reshape(rows * height, columns * width)
    file = KEPT / f"{name}.png"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(file), sheet, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        pytest.fail(f"{file} is new: look at it, and keep it if it is right")
    kept = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
    assert kept.shape == sheet.shape
    assert np.mean(cv2.absdiff(sheet, kept) > ROUNDING) < 1e-4


def assert_text_as_kept(name, lines):
    """Compare lines of text with those of the kept file; write the file if there is none."""
    file = KEPT / f"{name}.txt"
    if not file.exists():
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        pytest.fail(f"{file} is new: look at it, and keep it if it is right")
    assert lines == file.read_text(encoding="utf-8").splitlines()
