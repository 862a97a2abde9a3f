"""From people's picture of a digit to a picture as MNIST holds it: pure functions on arrays.

MNIST's digits are light on black, fitted to a 20 x 20 box keeping their shape, and centred by mass
in 28 x 28 (Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998).
`read` undoes, one visible step after the other, what people's pictures have besides: colour, dark
ink on light paper, shadows, squared paper, frames, specks, and pens of any width.

Lengths are relative to the picture wherever they can be, so that its size does not matter. An "ink"
array is uint8: 0 is paper, 255 is ink that swallows all of the paper's light.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.scaling import shrink, shrink_to

Pixels = NDArray[np.uint8]

SIDE = 28
BOX = 20

# Longest side at which strokes are looked for, or up to √2 times more or less; twice that where
# nothing is seen.
LOOK = 128
THUMB = 64  # longest side at which shading, colours and polarity are judged
TINY = 48  # a picture up to this size was made by a program, not by a camera: it has no shadows
FINE = 4  # the digit is redrawn at this many times its final size
NEAR = 3 * BOX  # a digit that is smaller where strokes are looked for is redrawn from the picture
CLEAR = 2 * BOX  # a digit's longer side, in pixels, from which on a finer picture adds nothing

# Digits, rendered and real, had a contrast above 25 and a clarity above 7; noise a clarity below 6.
FAINTEST = 12.0  # contrast, 0..255
DIMMEST = 6.0  # clarity
DARKEST = 32  # paper, 0..255; where it is nearly black, noise would be blown up to ink
BLOB = 0.36  # stroke width as a share of the digit's longer side; a disc or a square has a half
# Usual stroke widths of MNIST, in pixels of the 20 x 20 box; only what is outside is changed.
STROKES = (2.2, 3.6)
BLANK = "blank: nothing stands out from the paper"

Weights = NDArray[np.float64]

_LUMINANCE: Weights = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Reading:
    """A picture brought to MNIST's form.

    Attributes:
        image: uint8 (28, 28), light digit on black; all black if there was nothing to see.
        trouble: Why this is hardly one digit, in one line; empty if nothing speaks against it.
        steps: Name and array of every step on the way, in order, the last one being `image`.
        extent: The digit's longer side in pixels of the picture that was given, or of the one whose
            pixels were repeated to make it; 0 without a digit.
    """

    image: Pixels
    trouble: str
    steps: tuple[tuple[str, NDArray[np.generic]], ...]
    extent: int


class Marks(NamedTuple):
    """Connected marks on paper.

    Attributes:
        labels: int32 (h, w), 0 where there is no mark, else its number from 1.
        boxes: int32 (marks, 5): x, y, width, height, area in pixels.
        contrast: Mean ink of the marks less that of the paper, 0..255.
        clarity: Contrast in units of the paper's own grain (standard deviation).
    """

    labels: NDArray[np.int32]
    boxes: NDArray[np.int32]
    contrast: float
    clarity: float

    def mask(self, chosen: NDArray[np.bool_]) -> Pixels:
        """Draw the chosen marks, bool (marks,), as uint8 0 and 1, (h, w)."""
        if chosen.all():
            return (self.labels > 0).astype(np.uint8)
        return np.concatenate([[False], chosen]).astype(np.uint8).take(self.labels)


def normalise(picture: Pixels) -> Pixels:
    """Return what the network sees, uint8 (28, 28), of a picture, uint8 (h, w) or (h, w, 3)."""
    return read(picture).image


def read(picture: Pixels) -> Reading:
    """Bring a picture of one handwritten digit to MNIST's form.

    Args:
        picture: uint8, (h, w) grey or (h, w, 3) RGB, opaque, any size from 1 x 1.
    """
    if is_as_mnist(picture):
        return Reading(picture, "", (("picture", picture), ("seen", picture)), BOX)
    picture = without_blocks(picture)
    # Powers of two are averaged three times as fast as what lies between them.
    factor: int = 2 ** max(0, round(math.log2(max(picture.shape[:2]) / LOOK)))
    reading = _look(picture, factor)
    if factor > 1 and not reading.extent:
        return _look(picture, factor // 2)  # where a thin, faint pen is less faint
    return reading


def _look(picture: Pixels, factor: int) -> Reading:
    """Read a picture, looking for strokes where it is shrunk by a factor."""
    look = shrink(picture, factor)
    weights = color_weights(look)
    gray = weigh(look, weights)
    dark = ink_is_dark(gray)
    paper = gray if dark else 255 - gray
    image = 255 - paper
    steps = [("picture", picture), ("grey", gray), ("dark on light", paper)]
    if is_as_mnist(image):
        return Reading(image, "", (*steps, ("seen", image)), BOX)
    light = light_of(paper, shaded=max(paper.shape) > TINY)
    flat = ink_on(paper, light)
    marks = find_marks(flat)
    inner = without_edges(flat, marks)
    ink = without_lines(inner)
    marks = marks if ink is flat else find_marks(ink)
    chosen, trouble = choose_marks(ink, marks)
    digit = marks.mask(chosen)
    steps += [("flattened", flat), ("edges dropped", inner), ("lines dropped", ink)]
    steps += [("digit", 255 * digit)]
    if not chosen.any():
        nothing = np.zeros((SIDE, SIDE), np.uint8)
        return Reading(nothing, trouble, (*steps, ("seen", nothing)), 0)
    extent = max(cv2.boundingRect(digit)[2:])
    if factor > 1 and extent < NEAR:
        flat, digit = _closer(picture, weights, dark, light, digit, factor)
    strokes = enlarge(flat, digit)
    width = stroke_width(strokes)
    even = even_strokes(strokes, width)
    image = fit(even)
    steps += [("enlarged", strokes), ("stroke width", even), ("seen", image)]
    if not image.any():  # as of a picture that is hardly wider than a pixel
        return Reading(image, BLANK, tuple(steps), 0)
    return Reading(image, trouble or doubt(strokes, width), tuple(steps), extent * factor)


def without_blocks(picture: Pixels) -> Pixels:
    """Return a small picture that was enlarged by repeating its pixels its own size back.

    The steps at the borders of such pixels are not the pen's.
    """
    height, width = picture.shape[:2]
    # A few lines of one colour tell nearly all other pictures apart.
    tone = picture if picture.ndim == 2 else picture[..., 1]
    side = math.gcd(_steps(tone[:: max(1, height // 8)]), height, width)
    if side > 1:
        side = math.gcd(side, _steps(tone[:, :: max(1, width // 8)].T))
    if side > 1:
        tones = [picture] if picture.ndim == 2 else cv2.split(picture)
        side = math.gcd(side, *(_steps(_u8(way)) for each in tones for way in (each, each.T)))
    return np.ascontiguousarray(picture[::side, ::side]) if side > 1 else picture


def _steps(lines: Pixels) -> int:
    """Return the common divisor of the places where any of some lines changes; 0 if nowhere."""
    changes = (lines[:, 1:] != lines[:, :-1]).any(axis=0)
    if (changes[1:] & changes[:-1]).any():
        return 1
    return math.gcd(*(changes.nonzero()[0] + 1).tolist())


def to_gray(picture: Pixels) -> Pixels:
    """Make a picture, uint8 (h, w) or (h, w, 3), grey along the axis that shows its ink best."""
    return weigh(picture, color_weights(picture))


def weigh(picture: Pixels, weights: Weights) -> Pixels:
    """Make a picture grey with weights of red, green and blue; grey pictures stay as they are."""
    if picture.ndim == 2:
        return picture
    if weights is _LUMINANCE:
        return _u8(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    # With negative weights the values would start below 0.
    offset = -255.0 * weights[weights < 0].sum()
    return _u8(cv2.transform(picture, np.append(weights, offset)[None]))


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


def is_as_mnist(gray: Pixels) -> bool:
    """Say whether a picture is in MNIST's form already: its size, box, centre and soft edges."""
    if gray.shape != (SIDE, SIDE) or gray.max() < 200:
        return False
    _, _, width, height = cv2.boundingRect(gray)
    if abs(max(width, height) - BOX) > 1:
        return False
    x, y = _center_of_mass(gray)
    if abs(x - SIDE / 2) > 1.5 or abs(y - SIDE / 2) > 1.5:
        return False
    inked, soft = int((gray > 0).sum()), int(((gray > 25) & (gray < 230)).sum())
    return soft > 0.2 * inked and inked < 0.6 * gray.size


def _center_of_mass(ink: Pixels) -> tuple[float, float]:
    moments = cv2.moments(ink)
    return moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]


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
    return _u8(cv2.resize(ground, paper.shape[::-1], interpolation=cv2.INTER_LINEAR))


def ink_on(paper: Pixels, light: float | Pixels) -> Pixels:
    """Return ink as the share of the paper's light that it swallows, uint8 (h, w), 255 for all.

    Args:
        paper: uint8 (h, w), dark ink on light paper.
        light: As `light_of` gives it: 0..255 for all of the paper, or uint8 (h, w).
    """
    if isinstance(light, float):
        gain = 255.0 / max(light, DARKEST)
        return _u8(cv2.addWeighted(paper, -gain, paper, 0, gain * light))
    return _u8(cv2.divide(cv2.subtract(light, paper), np.maximum(light, DARKEST), scale=255))


def _even_tone(thumb: Pixels) -> float | None:
    """Return the tone of paper that has only one, as a drawing program's; else None."""
    level, _ = cv2.threshold(thumb, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    light = thumb[thumb > level]
    if not light.size:
        return None
    tone = _median(light)
    near = cv2.countNonZero(cv2.inRange(light, tone - 3, tone + 3))
    return tone if near > 0.85 * light.size else None


def _close(thumb: Pixels, reach: int, *, ramps: bool) -> Pixels:
    """Fill dark gaps up to `reach` wide; with ramps, shading goes on beyond the border."""
    pad = min(reach, min(thumb.shape) - 1) if ramps else 0
    if pad > 0:
        edge = cv2.copyMakeBorder(thumb, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
        mirror = cv2.copyMakeBorder(thumb, pad, pad, pad, pad, cv2.BORDER_REFLECT_101)
        thumb = _u8(cv2.addWeighted(edge, 2, mirror, -1, 0))
    closed = _u8(cv2.morphologyEx(thumb, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8)))
    return closed[pad : closed.shape[0] - pad, pad : closed.shape[1] - pad]


def find_marks(ink: Pixels) -> Marks:
    """Separate marks from paper by Otsu's threshold, following strokes where they get fainter."""
    smooth = _u8(cv2.GaussianBlur(ink, (3, 3), 0)) if max(ink.shape) > THUMB else ink
    level, strong = cv2.threshold(smooth, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    weak = _above(smooth, 0.6 * level)
    labels, stats = _components(weak)
    held = np.zeros(len(stats), np.bool_)
    held[labels[strong > 0]] = True
    held[0] = False
    numbers = labels if held[1:].all() else (np.cumsum(held) * held).astype(np.int32)[labels]
    tone, grain = cv2.meanStdDev(smooth, mask=(numbers == 0).astype(np.uint8))
    contrast = cv2.mean(smooth, _u8(strong))[0] - float(tone[0, 0])
    clarity = contrast / (float(grain[0, 0]) + 1)
    return Marks(numbers, stats[held], contrast, clarity)


def _components(mask: Pixels) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Label connected pixels, (h, w), and measure their boxes and areas, (labels, 5)."""
    # Of OpenCV's algorithms, thrice as fast here as the one it chooses itself.
    algorithm = cv2.CCL_BBDT
    found = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, algorithm)
    return found[1].astype(np.int32, copy=False), found[2].astype(np.int32, copy=False)


def without_edges(ink: Pixels, marks: Marks) -> Pixels:
    """Drop frames, table edges and dark corners, if something that may be a digit remains."""
    edges = _along_border(marks) if len(marks.boxes) > 1 else np.zeros(1, np.bool_)
    if not edges.any():
        return ink
    around = cv2.dilate(marks.mask(edges), np.ones((5, 5), np.uint8))
    return _unless_nothing_remains(ink, around > 0)


def _along_border(marks: Marks) -> NDArray[np.bool_]:
    """Say which marks are strips along a side, fill a corner, or are frames around the picture."""
    height, width = marks.labels.shape
    x, y, w, h, area = marks.boxes.T
    depth = max(1, round(0.12 * max(height, width)))
    inner = marks.labels[depth : height - depth, depth : width - depth]
    inside = np.bincount(inner.ravel(), minlength=len(area) + 1)[1:]
    beside = (x == 0) | (x + w == width)
    above = (y == 0) | (y + h == height)
    strip = (above & (w >= 0.9 * width) & (h < 0.35 * height)) | (
        beside & (h >= 0.9 * height) & (w < 0.35 * width)
    )
    frame = (w >= 0.75 * width) & (h >= 0.75 * height)
    hugging = (inside < 0.1 * area) & (beside | above | frame)
    return np.asarray(strip | hugging, np.bool_)


def _unless_nothing_remains(ink: Pixels, unwanted: NDArray[np.bool_]) -> Pixels:
    rest = np.where(unwanted, np.uint8(0), ink)
    remaining = find_marks(rest)
    largest = int(remaining.boxes[:, 2:4].max(initial=0))
    enough = remaining.contrast >= FAINTEST and largest >= 0.12 * max(ink.shape)
    return rest if enough else ink


def without_lines(ink: Pixels) -> Pixels:
    """Drop the lines of squared or lined paper: thin, straight, from one side to the other."""
    if max(ink.shape) <= THUMB:
        return ink
    level, _ = cv2.threshold(ink, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    faint = _above(ink, 0.4 * level)
    if not (_reaches_both_sides(faint) or _reaches_both_sides(faint.T)):
        return ink
    across, rows = _spanning_lines(faint)
    down, columns = _spanning_lines(np.ascontiguousarray(faint.T))
    lines = across | down.T
    if rows + columns == 0:
        return ink
    tone = _median(ink[lines > 0])
    lines = _u8(cv2.dilate(lines, np.ones((3, 3), np.uint8)))
    crossing = cv2.morphologyEx(faint & (1 - lines), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    unwanted = (lines > 0) & (crossing == 0) & (ink < 1.4 * tone)
    rest = ink[(faint > 0) & ~unwanted]
    if rows + columns == 1 and rest.size and _median(rest) < 1.25 * tone:
        return ink  # a single line as dark as the rest may be the stem of a digit
    return _unless_nothing_remains(ink, unwanted)


def _spanning_lines(mask: Pixels) -> tuple[Pixels, int]:
    """Mark and count thin, nearly level lines from the left border to the right one."""
    width = mask.shape[1]
    if not _reaches_both_sides(mask):
        return np.zeros_like(mask), 0
    thick = max(3, round(0.025 * max(mask.shape)))
    column = np.ones((thick + 1, 1), np.uint8)
    thin = mask & (1 - _u8(cv2.morphologyEx(mask, cv2.MORPH_OPEN, column)))
    joined = cv2.dilate(thin, np.ones((3, 1), np.uint8))
    crossed = np.ones((1, 2 * thick + 1), np.uint8)  # gaps where lines of the other kind cross
    joined = cv2.morphologyEx(joined, cv2.MORPH_CLOSE, crossed)
    stretch = max(3, width // 8)
    runs = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((1, stretch), np.uint8))
    runs = cv2.dilate(runs, np.ones((3, stretch), np.uint8))  # and where the digit crosses
    labels, stats = _components(_u8(runs))
    spanning = (stats[:, 2] >= 0.98 * width) & (stats[:, 3] <= 0.12 * width)
    spanning[0] = False
    return spanning.astype(np.uint8)[labels] & thin, int(spanning.sum())


def _reaches_both_sides(mask: Pixels) -> bool:
    return bool(mask[:, :2].any() and mask[:, -2:].any())


def choose_marks(ink: Pixels, marks: Marks) -> tuple[NDArray[np.bool_], str]:
    """Choose the marks that are the digit, bool (marks,), and say what speaks against one digit.

    The heaviest mark is the digit; what lies close and is no speck is a broken part of it.
    """
    x, y, w, h, area = marks.boxes.T
    size = np.maximum(w, h)
    largest = int(size.max(initial=0))
    if marks.contrast < FAINTEST or largest < max(3, 0.03 * max(ink.shape)):
        return np.zeros(len(size), np.bool_), BLANK
    if len(size) == 1 and marks.clarity >= DIMMEST:
        return np.ones(1, np.bool_), ""
    mass = np.bincount(marks.labels.ravel(), ink.ravel(), minlength=len(size) + 1)[1:]
    main = int(mass.argmax())
    apart = np.maximum(
        np.maximum(x - (x + w)[main], x[main] - (x + w)),
        np.maximum(y - (y + h)[main], y[main] - (y + h)),
    )
    chosen = (apart < 0.25 * size[main]) & (area > 0.02 * area[main])
    chosen[main] = True
    left_out = mass[~chosen]
    if marks.clarity < DIMMEST or (left_out.sum() > mass[chosen].sum() and len(left_out) > 20):
        return chosen, "too noisy: no stroke stands out clearly"
    if (left_out > 0.3 * mass[main]).any():
        return chosen, "several separate objects"
    return chosen, ""


def _closer(
    picture: Pixels,
    weights: Weights,
    dark: bool,
    light: float | Pixels,
    digit: Pixels,
    factor: int,
) -> tuple[Pixels, Pixels]:
    """Look at a small digit again, from nearer by: its ink and where it is, both cut out."""
    rows, columns = _around(digit)
    top, bottom = rows.start * factor, rows.stop * factor
    left, right = columns.start * factor, columns.stop * factor
    gray = weigh(picture[top:bottom, left:right], weights)
    gray = resize(gray, BOX * FINE / max(cv2.boundingRect(digit)[2:]) / factor)
    size = gray.shape[::-1]
    if not isinstance(light, float):
        light = _u8(cv2.resize(light[rows, columns], size, interpolation=cv2.INTER_LINEAR))
    near = cv2.resize(digit[rows, columns], size, interpolation=cv2.INTER_NEAREST)
    return ink_on(gray if dark else 255 - gray, light), _u8(near)


def _around(digit: Pixels) -> tuple[slice, slice]:
    """Return the rows and columns of a digit and some paper around it."""
    x, y, w, h = cv2.boundingRect(digit)
    margin = int(0.15 * max(w, h)) + 1
    rows = slice(max(0, y - margin), min(digit.shape[0], y + h + margin))
    return rows, slice(max(0, x - margin), min(digit.shape[1], x + w + margin))


def enlarge(ink: Pixels, digit: Pixels, size: float | None = None) -> Pixels:
    """Cut the digit out and bring it to FINE times its final size, as ink from 0 to 255.

    Args:
        ink: uint8 (h, w).
        digit: uint8 (h, w), 1 on the digit's strokes, else 0.
        size: What is to become BOX long in the end, in pixels; None: the digit's longer side.
    """
    rows, columns = _around(digit)
    crop = resize(ink[rows, columns], BOX * FINE / (size or max(cv2.boundingRect(digit)[2:])))
    near = cv2.resize(digit[rows, columns], crop.shape[::-1], interpolation=cv2.INTER_NEAREST)
    near = _u8(cv2.dilate(near, np.ones((5, 5), np.uint8)))
    crop = crop * near
    # Judged near the digit alone, so that it does not depend on how much paper is around it.
    around = crop[near > 0]
    level, _ = cv2.threshold(around, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    strong = around[around > level]
    high = _median(strong) if strong.size else 255.0
    return _soften(crop, low=0.25 * level, high=high)


def _soften(ink: Pixels, low: float, high: float) -> Pixels:
    """Stretch ink so that `low` and less is 0 and `high` and more is 255; drop faint remains."""
    gain = 255.0 / max(high - low, 1.0)
    soft = _u8(cv2.addWeighted(ink, gain, ink, 0, -low * gain))
    return soft * _u8(cv2.dilate(_above(soft, 127), np.ones((7, 7), np.uint8)))


def doubt(strokes: Pixels, width: float) -> str:
    """Say why enlarged strokes of some width are hardly a digit's; the empty string if they may."""
    mask = _above(strokes, 127)
    if width > BLOB * max(cv2.boundingRect(mask)[2:]):
        return "more ink than a digit has"
    outlines, family = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    loops = [
        outline
        for outline, (_, _, _, parent) in zip(outlines, family[0], strict=True)
        if parent >= 0 and cv2.contourArea(outline) > 0.002 * mask.size
    ]
    return "more loops than a digit has" if len(loops) > 3 else ""


def even_strokes(strokes: Pixels, width: float | None = None, size: float | None = None) -> Pixels:
    """Bring strokes that are thinner or thicker than MNIST's to its usual width.

    Args:
        strokes: uint8 (h, w), ink from 0 to 255.
        width: Their `stroke_width`, if it is known already.
        size: What is to become BOX long in the end, in pixels; None: their longer side.
    """
    width = stroke_width(strokes) if width is None else width
    size = size or max(cv2.boundingRect(_above(strokes, 64))[2:])
    low, high = (usual * size / BOX for usual in STROKES)
    radius = round((min(max(width, low), high) - width) / 2)
    if radius == 0 or width == 0:
        return strokes
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(radius) + 1,) * 2)
    if radius < 0:
        return _u8(cv2.erode(strokes, kernel, borderValue=0))
    room = cv2.copyMakeBorder(strokes, radius, radius, radius, radius, cv2.BORDER_CONSTANT)
    return _u8(cv2.dilate(room, kernel))


def stroke_width(strokes: Pixels) -> float:
    """Measure the mean width of strokes, uint8 0..255, in pixels; 0 if there are none.

    A stroke's area is its width times its length, and its outline is twice as long as it is. The
    length of the outline is the total variation (coarea formula), so soft edges count in full.
    """
    values = cv2.copyMakeBorder(strokes, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    slope = cv2.magnitude(*(way.astype(np.float32) for way in cv2.spatialGradient(values)))
    outline = float(cv2.sumElems(slope)[0]) / 8
    return 2 * float(cv2.sumElems(strokes)[0]) / outline if outline else 0.0


def fit(strokes: Pixels) -> Pixels:
    """Fit strokes to the 20 x 20 box keeping their shape, and centre them by mass in 28 x 28."""
    x, y, w, h = cv2.boundingRect(_above(strokes, 64))
    image = np.zeros((SIDE, SIDE), np.uint8)
    if w == 0:
        return image
    digit = strokes[y : y + h, x : x + w]
    size = max(1, round(w * BOX / max(w, h))), max(1, round(h * BOX / max(w, h)))
    digit = _u8(cv2.resize(digit, size, interpolation=cv2.INTER_AREA))
    center_x, center_y = _center_of_mass(digit)
    left = min(max(round(SIDE / 2 - center_x), 0), SIDE - size[0])
    top = min(max(round(SIDE / 2 - center_y), 0), SIDE - size[1])
    image[top : top + size[1], left : left + size[0]] = digit
    return image


def _above(pixels: Pixels, level: float) -> Pixels:
    """Mark, by 1 instead of 0, what is lighter than a level."""
    return _u8(cv2.threshold(pixels, level, 1, cv2.THRESH_BINARY)[1])


def _median(values: Pixels) -> float:
    """Return the median of a row of values, at least one, in half of `np.median`'s time."""
    up_to = np.bincount(values, minlength=256).cumsum()
    low, high = up_to.searchsorted(((len(values) - 1) // 2, len(values) // 2), side="right")
    return (int(low) + int(high)) / 2


def _u8(array: NDArray[Any]) -> Pixels:
    """Tell the type checker what OpenCV's stubs do not: uint8 in, uint8 out."""
    return array.astype(np.uint8, copy=False)


def resize(picture: Pixels, scale: float) -> Pixels:
    """Scale a picture, uint8 (h, w) or (h, w, 3), averaging when it shrinks."""
    if scale == 1:
        return picture
    height, width = picture.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return _u8(cv2.resize(picture, size, interpolation=how))
