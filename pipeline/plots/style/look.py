"""The colours, text sizes and matplotlib settings of every figure."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import matplotlib

# Okabe & Ito, "Color Universal Design" (2008): distinct with every kind of colour blindness.
BLUE = "#0072B2"
ORANGE = "#E69F00"
VERMILLION = "#D55E00"
GREEN = "#009E73"
SKY = "#56B4E9"
PURPLE = "#CC79A7"

INK = "#222222"
GREY = "#666666"
LIGHT_GREY = "#BBBBBB"
PALE = "#E9E9E9"
NOTE_FILL = "#FFF3C4"
NOTE_EDGE = "#B8860B"

# Font sizes in points.
TITLE_SIZE = 18.0
TEXT_SIZE = 13.0
LABEL_SIZE = 12.0
SMALL_SIZE = 11.0

_SETTINGS: Any = {  # Any: the names matplotlib knows differ between its versions
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
    "xtick.labelsize": LABEL_SIZE,
    "ytick.labelsize": LABEL_SIZE,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.fontsize": LABEL_SIZE,
    "legend.frameon": False,
    "text.color": INK,
    # File and class names may contain dollar signs; no text here is a formula.
    "text.parse_math": False,
    "lines.linewidth": 2.2,
}

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def styled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Make `function` run with these settings, whatever the user's own matplotlib settings are."""

    @functools.wraps(function)
    def in_style(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_SETTINGS)
            return function(*args, **kwargs)

    return in_style
