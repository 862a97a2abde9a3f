"""Separate ink from paper: find the colour axis, the polarity and the light, measure the ink.

"Ink" is a uint8 array: 0 is bare paper, 255 is ink that absorbs all of the light.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.pixels import as_pixels, median, otsu_threshold, shrink_to
from pipeline.system.arrays import Pixels

COARSE = 64  # longest side, in pixels, at which colour, polarity and light are estimated

# Up to this longest side, in pixels, a picture comes from a program, not a camera: no shadows.
LARGEST_DRAWN = 48

# Grey value of paper, 0..255. Darker paper counts as this, or its noise would be amplified to ink.
DARKEST_PAPER = 32

# Weights of red, green and blue, (3,), whose absolute values sum to 1.
ChannelWeights = NDArray[np.float64]
LUMINANCE: ChannelWeights = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


# --- colour ---------------------------------------------------------------------------------


def to_gray(picture: Pixels) -> Pixels:
    """Convert a picture, (h, w) or (h, w, 3), to grey along the colour axis that shows ink best."""
    return weigh_channels(picture, channel_weights(picture))


def weigh_channels(picture: Pixels, weights: ChannelWeights) -> Pixels:
    """Convert a picture to grey with these weights; a grey picture stays as it is."""
    if picture.ndim == 2:
        return picture
    if weights is LUMINANCE:
        return as_pixels(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    # Negative weights would give values below 0.
    offset = -255.0 * weights[weights < 0].sum()
    return as_pixels(cv2.transform(picture, np.append(weights, offset)[None]))


def channel_weights(picture: Pixels) -> ChannelWeights:
    """Return the weights of red, green and blue that contrast ink and paper most.

    These are the weights of luminance, unless they hide the ink, such as red on green or yellow on
    white. Then they are the first principal component of the local differences.
    """
    if picture.ndim == 2:
        return LUMINANCE
    coarse = shrink_to(picture, COARSE)
    red, _, blue = cv2.split(coarse)
    if cv2.absdiff(red, blue).max() <= 2:
        return LUMINANCE  # red equals blue everywhere: hardly a colour
    detail = _without_shading(coarse).reshape(-1, 3)
    scatter = cv2.mulTransposed(detail, aTa=True).astype(np.float64)
    along_luminance = LUMINANCE @ scatter @ LUMINANCE
    if np.trace(scatter) <= 4 * along_luminance:
        return LUMINANCE  # no axis can beat it: the trace is the sum over all of them
    axis = np.linalg.eigh(scatter)[1][:, -1]
    sign = np.sign(axis.sum()) or 1.0  # white stays lighter than black, or as light
    axis *= sign / np.abs(axis).sum()
    return axis if axis @ scatter @ axis > 4 * along_luminance else LUMINANCE


def weights_against_colour(picture: Pixels) -> ChannelWeights | None:
    """Return the weights of red, green and blue that hide the most colourful ink on light paper.

    What is left is ink of other colours, such as pencil on blue squares, or black in a red circle.
    None if nothing is colourful.
    """
    if picture.ndim == 2:
        return None
    coarse = shrink_to(picture, 2 * COARSE)
    paper = [median(channel.ravel()) for channel in map(as_pixels, cv2.split(coarse))]
    absorbed = np.maximum(np.array(paper, np.float32) - coarse, 0)
    colourful = absorbed.max(axis=2) - absorbed.min(axis=2)
    if colourful.max() < 24:
        return None
    hidden = (colourful[..., None] ** 2 * absorbed).sum(axis=(0, 1))
    hidden /= np.linalg.norm(hidden)
    weights = 1 - hidden.sum() * hidden
    return np.asarray(weights / np.abs(weights).sum(), np.float64)


def _without_shading(coarse: Pixels, within: float = 0.5) -> NDArray[np.float32]:
    """Subtract the local average; return the differences, float32, of the same shape.

    Args:
        coarse: (h, w) or (h, w, 3).
        within: Width of the averaged neighbourhood, as a share of the longer side.
    """
    reach = int(within * max(coarse.shape[:2])) | 1
    around = cv2.blur(coarse, (reach, reach), borderType=cv2.BORDER_REFLECT)
    difference = cv2.subtract(coarse, around, dtype=cv2.CV_32F)
    return difference.astype(np.float32, copy=False)


# --- polarity -------------------------------------------------------------------------------


def ink_is_dark(gray: Pixels) -> bool:
    """Return whether ink is dark on light paper, and not light on dark paper.

    Ink is the rare tone, so the distribution of grey values, shading removed, is skewed towards it.
    For a photo the skewness of the finest detail counts as well, which no vignette affects. And the
    corners and the border are mostly paper. The weights are those of a logistic regression on 8,800
    rendered digits of both kinds, rounded.
    """
    coarse = shrink_to(gray, COARSE)
    skewed = 2 * _skewness(_without_shading(coarse))
    if _may_have_shadows(gray):
        skewed += _skewness(_without_shading(coarse, within=0.15))
    _, light = otsu_threshold(coarse)
    border = _mean_of(light[:1], light[-1:], light[:, :1], light[:, -1:])
    ends = max(1, round(0.08 * max(coarse.shape)))
    left, right = light[:, :ends], light[:, -ends:]
    corners = _mean_of(left[:ends], left[-ends:], right[:ends], right[-ends:])
    light_ink = skewed + (0.5 - border) + 2 * (0.5 - corners)
    return bool(light_ink < 0)


def _may_have_shadows(gray: Pixels) -> bool:
    return bool(max(gray.shape) > LARGEST_DRAWN)


def _mean_of(*masks: Pixels) -> float:
    return sum(map(cv2.countNonZero, masks)) / sum(mask.size for mask in masks)


def _skewness(detail: NDArray[np.float32]) -> float:
    """Return the skewness around 0, limited to -2.5..2.5; above 0, high values are rare."""
    _, deviation = cv2.meanStdDev(detail)
    skewness = cv2.mean(cv2.pow(detail, 3))[0] / (float(deviation[0, 0]) + 1e-3) ** 3
    return min(max(skewness, -2.5), 2.5)


# --- light ----------------------------------------------------------------------------------


def flatten(paper: Pixels) -> Pixels:
    """Measure the ink on unevenly lit paper, as `ink_under` does.

    Args:
        paper: uint8 (h, w), dark ink on light paper.
    """
    return ink_under(paper_light(paper), paper)


def paper_light(paper: Pixels) -> float | Pixels:
    """Estimate the light that bare paper reflects, 0..255: one value, or uint8 (h, w).

    Args:
        paper: uint8 (h, w), dark ink on light paper.
    """
    tone = _only_tone(shrink_to(paper, COARSE))
    return shaded_light(paper, COARSE) if tone is None else tone


def shaded_light(paper: Pixels, side: int) -> Pixels:
    """Estimate the light that unevenly lit paper reflects, uint8 (h, w).

    The paper behind the ink is a morphological closing, which fills every dark mark narrower than
    its reach. Shadows and vignettes are wider than that. The reach is a share of the height: no
    digit is higher than the picture, while a row of digits may be many times as wide.

    Args:
        paper: uint8 (h, w), dark ink on light paper.
        side: Longest side, in pixels, at which the light is estimated. The edge of a shadow stays
            as sharp as that.
    """
    coarse = shrink_to(paper, side)
    shaded = _may_have_shadows(paper)
    reach = max(3, int((0.35 if shaded else 0.5) * coarse.shape[0])) | 1
    bare = _close(coarse, reach, extrapolate=shaded)
    if bare.shape == paper.shape:
        return bare
    return as_pixels(cv2.resize(bare, paper.shape[::-1], interpolation=cv2.INTER_LINEAR))


def main_tone(paper: Pixels) -> float:
    """Return the tone of the larger part of what is light: of paper that is lit evenly."""
    level, _ = otsu_threshold(paper)
    light = paper[paper > level]
    return median(light) if light.size else 255.0


def _only_tone(coarse: Pixels) -> float | None:
    """Return the paper's tone if it has only one, as from a drawing program; else None."""
    level, _ = otsu_threshold(coarse)
    light = coarse[coarse > level]
    if not light.size:
        return None
    tone = median(light)
    near = cv2.countNonZero(cv2.inRange(light, tone - 3, tone + 3))
    return tone if near > 0.85 * light.size else None


def _close(coarse: Pixels, reach: int, *, extrapolate: bool) -> Pixels:
    """Fill dark gaps up to `reach` wide; optionally continue the shading beyond the border."""
    pad = min(reach, min(coarse.shape) - 1) if extrapolate else 0
    if pad > 0:
        edge = cv2.copyMakeBorder(coarse, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
        mirror = cv2.copyMakeBorder(coarse, pad, pad, pad, pad, cv2.BORDER_REFLECT_101)
        coarse = as_pixels(cv2.addWeighted(edge, 2, mirror, -1, 0))
    kernel = np.ones((reach, reach), np.uint8)
    closed = as_pixels(cv2.morphologyEx(coarse, cv2.MORPH_CLOSE, kernel))
    return closed[pad : closed.shape[0] - pad, pad : closed.shape[1] - pad]


def ink_under(light: float | Pixels, paper: Pixels) -> Pixels:
    """Measure ink as the share of the paper's light that it absorbs, uint8 (h, w), 255 for all.

    Args:
        light: As `paper_light` returns it.
        paper: uint8 (h, w), dark ink on light paper.
    """
    if isinstance(light, float):
        gain = 255.0 / max(light, DARKEST_PAPER)
        return as_pixels(cv2.addWeighted(paper, -gain, paper, 0, gain * light))
    absorbed = cv2.subtract(light, paper)
    return as_pixels(cv2.divide(absorbed, np.maximum(light, DARKEST_PAPER), scale=255))
