"""Convert the strokes of a digit to MNIST's form: stroke width, 20 x 20 box, centre of mass."""

import cv2
import numpy as np

from pipeline.digits.preprocessing.pixels import (
    as_pixels,
    center_of_mass,
    longer_side,
    median,
    otsu_threshold,
    resize,
    threshold,
)
from pipeline.digits.splits import BOX, SIDE
from pipeline.system.arrays import Pixels

FINE = 4  # the digit is redrawn at this many times its final size
INKED = 64  # ink above this belongs to the digit's bounding box, 0..255

# Usual stroke widths of MNIST, in pixels of the 20 x 20 box; only strokes outside are changed.
STROKE_WIDTHS = (2.2, 3.6)

BLOB = 0.36  # stroke width / longer side; no digit reaches this, a disc or a square has 0.5
MOST_LOOPS = 3


def is_mnist_form(gray: Pixels) -> bool:
    """Return whether a picture already has MNIST's form: its size, box, centre and soft edges."""
    if gray.shape != (SIDE, SIDE) or gray.max() < 200:
        return False
    if abs(longer_side(gray) - BOX) > 1:
        return False
    x, y = center_of_mass(gray)
    if abs(x - SIDE / 2) > 1.5 or abs(y - SIDE / 2) > 1.5:
        return False
    inked, soft = int((gray > 0).sum()), int(((gray > 25) & (gray < 230)).sum())
    return soft > 0.2 * inked and inked < 0.6 * gray.size


def enlarge(ink: Pixels, digit: Pixels) -> Pixels:
    """Cut the digit out and resize it to FINE times its final size; stretch its ink to 0..255.

    Args:
        ink: uint8 (h, w).
        digit: uint8 (h, w), 1 on the digit's strokes, else 0.
    """
    rows, columns = padded_box(digit)
    crop = resize(ink[rows, columns], BOX * FINE / longer_side(digit))
    near = cv2.resize(digit[rows, columns], crop.shape[::-1], interpolation=cv2.INTER_NEAREST)
    near = as_pixels(cv2.dilate(near, np.ones((5, 5), np.uint8)))
    crop = crop * near
    # Only near the digit, so that the amount of paper around it does not matter.
    around = crop[near > 0]
    level, _ = otsu_threshold(around)
    strong = around[around > level]
    high = median(strong) if strong.size else 255.0
    return _stretch(crop, low=0.25 * level, high=high)


def padded_box(digit: Pixels) -> tuple[slice, slice]:
    """Return the rows and columns of the digit's bounding box and of some paper around it."""
    x, y, w, h = cv2.boundingRect(digit)
    margin = int(0.15 * max(w, h)) + 1
    rows = slice(max(0, y - margin), min(digit.shape[0], y + h + margin))
    return rows, slice(max(0, x - margin), min(digit.shape[1], x + w + margin))


def _stretch(ink: Pixels, low: float, high: float) -> Pixels:
    """Stretch ink from `low`..`high` to 0..255; drop faint remains away from any stroke."""
    gain = 255.0 / max(high - low, 1.0)
    soft = as_pixels(cv2.addWeighted(ink, gain, ink, 0, -low * gain))
    return soft * as_pixels(cv2.dilate(threshold(soft, 127), np.ones((7, 7), np.uint8)))


def stroke_width(strokes: Pixels) -> float:
    """Return the mean width of strokes, ink 0..255, in pixels; 0 if there are none.

    The area of a stroke is its length times its width, and its outline is twice as long as the
    stroke. The length of the outline is the total variation of the ink (coarea formula), so soft
    edges count in full.
    """
    values = cv2.copyMakeBorder(strokes, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    slope = cv2.magnitude(*(each.astype(np.float32) for each in cv2.spatialGradient(values)))
    outline = float(cv2.sumElems(slope)[0]) / 8
    return 2 * float(cv2.sumElems(strokes)[0]) / outline if outline else 0.0


def even_strokes(strokes: Pixels, width: float) -> Pixels:
    """Erode strokes that are thicker than MNIST's, dilate those that are thinner.

    Args:
        strokes: uint8 (h, w), ink 0..255.
        width: Their `stroke_width`.
    """
    size = longer_side(threshold(strokes, INKED))
    low, high = (usual * size / BOX for usual in STROKE_WIDTHS)
    radius = round((min(max(width, low), high) - width) / 2)
    if radius == 0 or width == 0:
        return strokes
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(radius) + 1,) * 2)
    if radius < 0:
        return as_pixels(cv2.erode(strokes, kernel))  # a stroke cut off by the border goes on there
    room = cv2.copyMakeBorder(strokes, radius, radius, radius, radius, cv2.BORDER_CONSTANT)
    return as_pixels(cv2.dilate(room, kernel))


def fit_box(strokes: Pixels) -> Pixels:
    """Resize strokes to fit the 20 x 20 box, and centre them by mass in 28 x 28."""
    x, y, w, h = cv2.boundingRect(threshold(strokes, INKED))
    image = np.zeros((SIDE, SIDE), np.uint8)
    if w == 0:
        return image
    digit = strokes[y : y + h, x : x + w]
    size = max(1, round(w * BOX / max(w, h))), max(1, round(h * BOX / max(w, h)))
    digit = as_pixels(cv2.resize(digit, size, interpolation=cv2.INTER_AREA))
    center_x, center_y = center_of_mass(digit)
    left = min(max(round(SIDE / 2 - center_x), 0), SIDE - size[0])
    top = min(max(round(SIDE / 2 - center_y), 0), SIDE - size[1])
    image[top : top + size[1], left : left + size[0]] = digit
    return image


def why_no_digit(strokes: Pixels, width: float) -> str:
    """Return why enlarged strokes of this width are probably no digit; empty if they may be."""
    mask = threshold(strokes, 127)
    if width > BLOB * longer_side(mask):
        return "more ink than a digit has"
    outlines, family = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    loops = [
        outline
        for outline, (_, _, _, parent) in zip(outlines, family[0], strict=True)
        if parent >= 0 and cv2.contourArea(outline) > 0.002 * mask.size
    ]
    return "more loops than a digit has" if len(loops) > MOST_LOOPS else ""
