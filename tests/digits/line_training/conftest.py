"""Little to compose lines of, so that no test trains for minutes."""

import numpy as np
import pytest

from pipeline.digits.line_training.writing import composing, papers
from pipeline.digits.line_training.writing.composing import Stock
from pipeline.digits.splits import Split


@pytest.fixture(scope="package", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(composing, "DRAWN", 200)
        patch.setattr(composing, "SIGNS", 20)
        patch.setattr(papers, "PRINTS", 4)
        yield


@pytest.fixture(scope="package")
def blocks():
    """Draw upright blocks of several widths in place of digits, 20 high."""
    labels = np.repeat(np.arange(10, dtype=np.uint8), 4)
    images = np.zeros((len(labels), 28, 28), np.uint8)
    for place, image in enumerate(images):
        width = 8 + place % 4 * 3
        image[4:24, 14 - width // 2 : 14 - width // 2 + width] = 255
    return Split(images, labels)


@pytest.fixture(scope="package")
def stock(small, blocks):
    return Stock.lay_in(blocks, 0)
