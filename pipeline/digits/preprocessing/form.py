"""Bring a digit to MNIST's form: its box, its centre, its width of stroke."""

import cv2
import numpy as np

from pipeline.digits.preprocessing.pixels import Pixels, above, center_of_mass, median, resize, u8

SIDE = 28
BOX = 20
FINE = 4  # the digit is redrawn at this many times its final size
CLEAR = 2 * BOX  # a digit's longer side, in pixels, from which on a finer picture adds nothing
BLOB = 0.36  # stroke width as a share of the digit's longer side; a disc or a square has a half

# Usual stroke widths of MNIST, in pixels of the 20 x 20 box; only what is outside is changed.
STROKES = (2.2, 3.6)


def is_as_mnist(gray: Pixels) -> bool:
    """Say whether a picture is in MNIST's form already: its size, box, centre and soft edges."""
    if gray.shape != (SIDE, SIDE) or gray.max() < 200:
        return False
    _, _, width, height = cv2.boundingRect(gray)
    if abs(max(width, height) - BOX) > 1:
        return False
    x, y = center_of_mass(gray)
    if abs(x - SIDE / 2) > 1.5 or abs(y - SIDE / 2) > 1.5:
        return False
    inked, soft = int((gray > 0).sum()), int(((gray > 25) & (gray < 230)).sum())
    return soft > 0.2 * inked and inked < 0.6 * gray.size


def box_around(digit: Pixels) -> tuple[slice, slice]:
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
    rows, columns = box_around(digit)
    crop = resize(ink[rows, columns], BOX * FINE / (size or max(cv2.boundingRect(digit)[2:])))
    near = cv2.resize(digit[rows, columns], crop.shape[::-1], interpolation=cv2.INTER_NEAREST)
    near = u8(cv2.dilate(near, np.ones((5, 5), np.uint8)))
    crop = crop * near
    # Judged near the digit alone, so that it does not depend on how much paper is around it.
    around = crop[near > 0]
    level, _ = cv2.threshold(around, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    strong = around[around > level]
    high = median(strong) if strong.size else 255.0
    return _soften(crop, low=0.25 * level, high=high)


def _soften(ink: Pixels, low: float, high: float) -> Pixels:
    """Stretch ink so that `low` and less is 0 and `high` and more is 255; drop faint remains."""
    gain = 255.0 / max(high - low, 1.0)
    soft = u8(cv2.addWeighted(ink, gain, ink, 0, -low * gain))
    return soft * u8(cv2.dilate(above(soft, 127), np.ones((7, 7), np.uint8)))


def doubt(strokes: Pixels, width: float) -> str:
    """Say why enlarged strokes of some width are hardly a digit's; the empty string if they may."""
    mask = above(strokes, 127)
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
    size = size or max(cv2.boundingRect(above(strokes, 64))[2:])
    low, high = (usual * size / BOX for usual in STROKES)
    radius = round((min(max(width, low), high) - width) / 2)
    if radius == 0 or width == 0:
        return strokes
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(radius) + 1,) * 2)
    if radius < 0:
        return u8(cv2.erode(strokes, kernel, borderValue=0))
    room = cv2.copyMakeBorder(strokes, radius, radius, radius, radius, cv2.BORDER_CONSTANT)
    return u8(cv2.dilate(room, kernel))


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
    x, y, w, h = cv2.boundingRect(above(strokes, 64))
    image = np.zeros((SIDE, SIDE), np.uint8)
    if w == 0:
        return image
    digit = strokes[y : y + h, x : x + w]
    size = max(1, round(w * BOX / max(w, h))), max(1, round(h * BOX / max(w, h)))
    digit = u8(cv2.resize(digit, size, interpolation=cv2.INTER_AREA))
    center_x, center_y = center_of_mass(digit)
    left = min(max(round(SIDE / 2 - center_x), 0), SIDE - size[0])
    top = min(max(round(SIDE / 2 - center_y), 0), SIDE - size[1])
    image[top : top + size[1], left : left + size[0]] = digit
    return image
