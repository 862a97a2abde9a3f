"""Tell ink from paper: colour, polarity, shadows."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.preprocessing.pixels import Pixels, median, shrink_to, u8

THUMB = 64  # longest side at which shading, colours and polarity are judged
TINY = 48  # a picture up to this size was made by a program, not by a camera: it has no shadows
DARKEST = 32  # paper, 0..255; where it is nearly black, noise would be blown up to ink

Weights = NDArray[np.float64]
_LUMINANCE: Weights = np.array([0.299, 0.587, 0.114])


def to_gray(picture: Pixels) -> Pixels:
    """Make a picture, uint8 (h, w) or (h, w, 3), grey along the axis that shows its ink best."""
    return weigh(picture, color_weights(picture))


def weigh(picture: Pixels, weights: Weights) -> Pixels:
    """Make a picture grey with weights of red, green and blue; grey pictures stay as they are."""
    if picture.ndim == 2:
        return picture
    if weights is _LUMINANCE:
        return u8(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    # With negative weights the values would start below 0.
    offset = -255.0 * weights[weights < 0].sum()
    return u8(cv2.transform(picture, np.append(weights, offset)[None]))


def color_weights(picture: Pixels) -> Weights:
    """Weigh red, green and blue so that ink and paper differ most; absolute values sum to 1.

    That is luminance, unless red on green or yellow on white hide in it.
    """
    if picture.ndim == 2:
        return _LUMINANCE
    thumb = shrink_to(picture, THUMB)
    red, _, blue = cv2.split(thumb)
    if cv2.absdiff(red, blue).max() <= 2:
        return _LUMINANCE  # red is blue all over: hardly a colour
    detail = _detail(thumb).reshape(-1, 3)
    spread = cv2.mulTransposed(detail, aTa=True).astype(np.float64)
    usual = _LUMINANCE @ spread @ _LUMINANCE
    if np.trace(spread) <= 4 * usual:
        return _LUMINANCE  # no axis spreads more than all of them together
    axis = np.linalg.eigh(spread)[1][:, -1]
    sign = np.sign(axis.sum()) or 1.0  # white stays lighter than black, unless it is as light
    axis *= sign / np.abs(axis).sum()
    return axis if axis @ spread @ axis > 4 * usual else _LUMINANCE


def _detail(thumb: Pixels, within: float = 0.5) -> NDArray[np.float32]:
    """Take the shading away: float32 differences from the average around each pixel.

    Args:
        thumb: uint8 (h, w) or (h, w, 3).
        within: Width of the surroundings as a share of the longer side.
    """
    reach = int(within * max(thumb.shape[:2])) | 1
    around = cv2.blur(thumb, (reach, reach), borderType=cv2.BORDER_REFLECT)
    difference = cv2.subtract(thumb, around, dtype=cv2.CV_32F)
    return difference.astype(np.float32, copy=False)


def ink_is_dark(gray: Pixels) -> bool:
    """Tell dark ink on light paper from light ink on dark.

    Strokes are the rare tone, so the picture without its shading leans towards them (skewness),
    in a photo also with only fine detail left, which no vignette reaches; and paper is what lies in
    the corners and along the border. The weights are a logistic regression's over 8,800 rendered
    digits of both kinds, rounded.
    """
    thumb = shrink_to(gray, THUMB)
    leaning = 2 * _skewness(_detail(thumb))
    if max(gray.shape) > TINY:
        leaning += _skewness(_detail(thumb, within=0.15))
    _, light = cv2.threshold(thumb, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    border = _mean_of(light[:1], light[-1:], light[:, :1], light[:, -1:])
    ends = max(1, round(0.08 * max(thumb.shape)))
    left, right = light[:, :ends], light[:, -ends:]
    corners = _mean_of(left[:ends], left[-ends:], right[:ends], right[-ends:])
    light_ink = leaning + (0.5 - border) + 2 * (0.5 - corners)
    return bool(light_ink < 0)


def _mean_of(*parts: cv2.typing.MatLike) -> float:
    return sum(map(cv2.countNonZero, parts)) / sum(part.size for part in parts)


def _skewness(detail: NDArray[np.float32]) -> float:
    """Say which way a distribution leans: above 0 towards rare high values; -2.5..2.5."""
    _, deviation = cv2.meanStdDev(detail)
    skewness = cv2.mean(cv2.pow(detail, 3))[0] / (float(deviation[0, 0]) + 1e-3) ** 3
    return min(max(skewness, -2.5), 2.5)


def flatten(paper: Pixels, *, shaded: bool = True) -> Pixels:
    """Measure ink as the share of the paper's own light that it swallows.

    Args:
        paper: uint8 (h, w), dark ink on light paper.
        shaded: Whether light may have fallen unevenly on it.
    """
    return ink_on(paper, light_of(paper, shaded=shaded))


def light_of(paper: Pixels, *, shaded: bool = True) -> float | Pixels:
    """Measure the light of the paper, 0..255: one for all of it, or uint8 (h, w).

    The paper behind the ink is a morphological closing: the brightest way around every dark mark
    that is narrower than the reach. Shadows and vignettes are wider than that. No digit is higher
    than the picture, while a row of them may be many times as wide.

    Args:
        paper: uint8 (h, w), dark ink on light paper.
        shaded: Whether light may have fallen unevenly on it.
    """
    thumb = shrink_to(paper, THUMB)
    tone = _even_tone(thumb)
    if tone is not None:
        return tone
    reach = max(3, int((0.35 if shaded else 0.5) * thumb.shape[0])) | 1
    ground = _close(thumb, reach, ramps=shaded)
    return u8(cv2.resize(ground, paper.shape[::-1], interpolation=cv2.INTER_LINEAR))


def ink_on(paper: Pixels, light: float | Pixels) -> Pixels:
    """Return ink as the share of the paper's light that it swallows, uint8 (h, w), 255 for all.

    Args:
        paper: uint8 (h, w), dark ink on light paper.
        light: As `light_of` gives it: 0..255 for all of the paper, or uint8 (h, w).
    """
    if isinstance(light, float):
        gain = 255.0 / max(light, DARKEST)
        return u8(cv2.addWeighted(paper, -gain, paper, 0, gain * light))
    return u8(cv2.divide(cv2.subtract(light, paper), np.maximum(light, DARKEST), scale=255))


def _even_tone(thumb: Pixels) -> float | None:
    """Return the tone of paper that has only one, as a drawing program's; else None."""
    level, _ = cv2.threshold(thumb, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    light = thumb[thumb > level]
    if not light.size:
        return None
    tone = median(light)
    near = cv2.countNonZero(cv2.inRange(light, tone - 3, tone + 3))
    return tone if near > 0.85 * light.size else None


def _close(thumb: Pixels, reach: int, *, ramps: bool) -> Pixels:
    """Fill dark gaps up to `reach` wide; with ramps, shading goes on beyond the border."""
    pad = min(reach, min(thumb.shape) - 1) if ramps else 0
    if pad > 0:
        edge = cv2.copyMakeBorder(thumb, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
        mirror = cv2.copyMakeBorder(thumb, pad, pad, pad, pad, cv2.BORDER_REFLECT_101)
        thumb = u8(cv2.addWeighted(edge, 2, mirror, -1, 0))
    closed = u8(cv2.morphologyEx(thumb, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8)))
    return closed[pad : closed.shape[0] - pad, pad : closed.shape[1] - pad]
