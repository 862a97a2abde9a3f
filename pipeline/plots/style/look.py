"""Colours, sizes and matplotlib's settings for all figures."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import matplotlib

# Okabe & Ito, "Color Universal Design" (2008): told apart with every kind of colour blindness.
BLUE = "#0072B2"
ORANGE = "#E69F00"
VERMILLION = "#D55E00"
GREEN = "#009E73"
SKY = "#56B4E9"
INK = "#222222"
GREY = "#666666"
PALE = "#E9E9E9"
NOTE_FILL = "#FFF3C4"
NOTE_EDGE = "#B8860B"
PAGE_WIDTH = 8.0
"""Width of every figure in inches."""

MARGIN = 0.3
"""Empty border around a page in inches."""

CONTENT_WIDTH = PAGE_WIDTH - 2 * MARGIN
DPI = 150
TEXT_SIZE = 13.0
SMALL_SIZE = 11.0
TITLE_SIZE = 18.0
FEW_EPOCHS = 25
LINE = 1.25 / 72  # inches a line takes, per point of font size
_STYLE: Any = {  # Any: the names matplotlib knows differ between its versions
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same letters
    "font.size": TEXT_SIZE,
    "axes.titlesize": TEXT_SIZE + 1,
    "axes.labelsize": TEXT_SIZE,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "xtick.labelsize": SMALL_SIZE + 1,
    "ytick.labelsize": SMALL_SIZE + 1,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.fontsize": SMALL_SIZE + 1,
    "legend.frameon": False,
    "text.color": INK,
    # A file or class name may hold dollar signs; none of our texts is a formula.
    "text.parse_math": False,
    "lines.linewidth": 2.2,
}

Parameters = ParamSpec("Parameters")

Result = TypeVar("Result")


def styled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Run `function` under the one style, untouched by the user's own matplotlib settings."""

    @functools.wraps(function)
    def in_style(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_STYLE)
            return function(*args, **kwargs)

    return in_style
