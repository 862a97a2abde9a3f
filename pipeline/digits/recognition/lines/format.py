"""What a line looks like to its network, and what the network's answers along it stand for.

The network says of every STRIDE columns whether the middle of a digit is there, and of which. So
nothing has to be cut (compare the space displacement neural networks of Y. LeCun et al.,
"Gradient-based learning applied to document recognition", 1998, section VII).
"""

from collections.abc import Sequence

import numpy as np

from pipeline.system.arrays import Pixels

HEIGHT = 32  # of a strip, in pixels
STRIDE = 2  # columns of a strip to one answer
STEP = 4  # a strip's width is a multiple of this: the network halves it twice
NONE = 10  # the answer where there is no middle of a digit
UNJUDGED = 255  # the label beside a middle, where every answer will do; training ignores it
APART = 2  # answers from one middle to the next, at least

INK_SHARE = 0.01  # of a strip's pixels, the darkest: they are as dark as ink
PAPER_SHARE = 0.8  # of a strip's pixels are at most as light as the paper
LEAST_CONTRAST = 24  # between the two, in 0..255: less is not stretched to full contrast


def stretch(gray: Pixels) -> Pixels:
    """Stretch dark ink on light paper to full contrast: paper becomes 255, ink 0.

    Args:
        gray: uint8 (h, w), dark on light.
    """
    heaped = np.cumsum(np.bincount(gray.ravel(), minlength=256))
    ink, paper = np.searchsorted(heaped, (INK_SHARE * gray.size, PAPER_SHARE * gray.size))
    span = max(int(paper) - int(ink), LEAST_CONTRAST)
    levels = (np.arange(256) - (int(paper) - span)) * (255 / span)
    return levels.clip(0, 255).astype(np.uint8)[gray]


def label_places(middles: Sequence[float], digits: Sequence[int], width: int) -> Pixels:
    """Label every STRIDE columns with the digit whose middle they are, NONE, or UNJUDGED.

    Args:
        middles: In columns, from left to right; none nearer to the next than APART answers.
        digits: Which they are.
        width: Of the strip, in columns.

    Returns:
        uint8 (width / STRIDE,).
    """
    labels = np.full(width // STRIDE, NONE, np.uint8)
    places = (np.array(middles) / STRIDE).astype(int).clip(1, len(labels) - 2)
    labels[places - 1] = labels[places + 1] = UNJUDGED
    labels[places[:-1][np.diff(places) == APART] + 1] = NONE  # or two ones would become one
    labels[places] = digits
    return labels


def digits_of(labels: Pixels) -> str:
    """Return the digits that the labels of a strip tell of, from left to right."""
    return "".join(str(label) for label in labels if label < NONE)
