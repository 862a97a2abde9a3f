"""From a picture of a handwritten digit to what MNIST holds: pure functions on arrays."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]

SIDE = 28
BOX = 20
FINE = 4  # the digit is worked on at this many times its final size
LOOK = 256  # longest side at which the digit is looked for
STROKE = (2.2, 3.6)  # stroke widths left alone, in pixels of the 20 x 20 box


@dataclass(frozen=True)
class Reading:
    """A picture brought to MNIST's form.

    Attributes:
        image: uint8 (28, 28), light digit on black.
        trouble: Why this is hardly one digit, in one line; empty if nothing speaks against it.
        steps: Name and array of every intermediate step, in order.
    """

    image: Gray
    trouble: str
    steps: tuple[tuple[str, NDArray[np.generic]], ...]


def normalise(picture: NDArray[np.uint8]) -> Gray:
    return read(picture).image


def read(picture: NDArray[np.uint8]) -> Reading:
    gray = to_gray(picture)
    steps: list[tuple[str, NDArray[np.generic]]] = [("picture", picture), ("grey", gray)]
    paper = gray if ink_is_dark(gray) else 255 - gray
    steps.append(("dark on light", paper))
    if is_mnist_like(255 - paper):
        return Reading(255 - paper, "", (*steps, ("seen", 255 - paper)))
    scale = min(1.0, LOOK / max(paper.shape))
    small = _resize(paper, scale)
    ink = flatten(small)
    steps.append(("flattened", ink))
    ink = without_edges(ink)
    steps.append(("edges dropped", ink))
    ink = without_lines(ink)
    steps.append(("lines dropped", ink))
    mask, contrast = ink_mask(ink)
    steps.append(("ink", mask))
    if contrast < 12:
        return Reading(np.zeros((SIDE, SIDE), np.uint8), "blank: nothing stands out", tuple(steps))
    keep, trouble = choose_strokes(mask, ink)
    steps.append(("strokes kept", keep))
    fine = _fine_ink(paper, keep, scale)
    steps.append(("enlarged", fine))
    fine = even_strokes(fine)
    steps.append(("stroke width", fine))
    image = fit(fine)
    steps.append(("seen", image))
    return Reading(image, trouble, tuple(steps))


def to_gray(picture: NDArray[np.uint8]) -> Gray:
    """Project colours on the axis that tells ink from paper: luminance, unless another is better."""
    if picture.ndim == 2:
        return picture
    weights = _color_axis(picture)
    offset = 255.0 * float(-weights[weights < 0].sum())
    matrix = np.append(weights, offset)[None].astype(np.float32)
    return cv2.transform(picture, matrix).astype(np.uint8, copy=False)


LUMINANCE = np.array([0.299, 0.587, 0.114])


def _color_axis(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    small = _resize(picture, min(1.0, 64 / max(picture.shape[:2]))).astype(np.float32)
    detail = (small - _smooth(small)).reshape(-1, 3)
    spread = (detail.T @ detail).astype(np.float64) / len(detail)
    axis = np.linalg.eigh(spread)[1][:, -1]
    axis = axis / np.abs(axis).sum() * (1 if axis.sum() >= 0 else -1)
    if LUMINANCE @ spread @ LUMINANCE > 0.25 * (axis @ spread @ axis):
        return LUMINANCE
    return axis


def _smooth(values: NDArray[np.float32]) -> NDArray[np.float32]:
    sigma = 0.15 * max(values.shape[:2])
    return cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def is_mnist_like(gray: Gray) -> bool:
    if gray.shape != (SIDE, SIDE):
        return False
    ys, xs = np.nonzero(gray)
    if len(ys) < 10 or gray.max() < 200:
        return False
    height, width = int(np.ptp(ys)) + 1, int(np.ptp(xs)) + 1
    if max(height, width) not in (BOX - 1, BOX, BOX + 1):
        return False
    m = cv2.moments(gray)
    x, y = m["m10"] / m["m00"], m["m01"] / m["m00"]
    return bool(abs(x - 14) < 1.5 and abs(y - 14) < 1.5)


def ink_is_dark(gray: Gray) -> bool:
    """Tell dark ink on light paper from light on dark.

    Strokes are the rare tone, so the picture without its shading leans towards them (skewness);
    and paper is what lies in the corners and along the border. The weights are a logistic
    regression's over rendered digits of both polarities.
    """
    small = _resize(gray, min(1.0, 64 / max(gray.shape)))
    detail = small.astype(np.float32)
    detail -= _smooth(detail)
    deviation = float(detail.std()) + 1e-3
    skewness = float((detail**3).mean()) / deviation**3
    _, light = cv2.threshold(small, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    border = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]]).mean()
    side = max(1, round(0.08 * max(small.shape)))
    ends = np.r_[0:side, -side:0]
    corners = light[np.ix_(ends, ends)].mean()
    vote = 2 * min(max(skewness, -2.5), 2.5) + (0.5 - border) + 2 * (0.5 - corners)
    return bool(vote < 0)


import os
REACH = float(os.environ.get("REACH", ".35"))
ODD = int(os.environ.get("ODD", "1"))


def flatten(paper: Gray) -> Gray:
    """Divide by the paper's own brightness; what is left is how much of it the ink swallows."""
    scale = min(1.0, 64 / max(paper.shape))
    small = _resize(paper, scale).astype(np.float32)
    reach = max(3, int(REACH * max(small.shape))) | 1
    ground = _close(small, reach)
    ground = cv2.resize(ground, paper.shape[::-1], interpolation=cv2.INTER_LINEAR)
    ratio = cv2.divide(paper.astype(np.float32), np.maximum(ground, 1.0), scale=255.0)
    return (255 - np.clip(ratio, 0, 255)).astype(np.uint8)


def _close(values: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Close dark gaps up to `reach` wide; beyond the border brightness goes on as a ramp would."""
    pad = min(reach, min(values.shape) - 1) if ODD else 0
    if pad > 0 and ODD:
        edge = cv2.copyMakeBorder(values, *(pad,) * 4, cv2.BORDER_REPLICATE)
        mirror = cv2.copyMakeBorder(values, *(pad,) * 4, cv2.BORDER_REFLECT_101)
        values = np.maximum(2 * edge - mirror, 0)
    closed = cv2.morphologyEx(values, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    return closed[pad : closed.shape[0] - pad, pad : closed.shape[1] - pad]


def ink_mask(ink: Gray) -> tuple[Gray, float]:
    smooth = cv2.GaussianBlur(ink, (3, 3), 0) if max(ink.shape) > 64 else ink
    level, strong = cv2.threshold(smooth, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    if not strong.any():
        return strong.astype(np.uint8), 0.0
    contrast = float(smooth[strong > 0].mean() - smooth[strong == 0].mean())
    weak = (smooth > 0.6 * level).astype(np.uint8)
    count, labels = cv2.connectedComponents(weak, connectivity=8)
    touched = np.zeros(count, np.uint8)
    touched[labels[strong > 0]] = 1
    touched[0] = 0
    return touched[labels], contrast


def without_edges(ink: Gray) -> Gray:
    """Drop frames, table edges and dark corners, if something that may be a digit remains."""
    mask, _ = ink_mask(ink)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count <= 2:
        return ink
    edge = _is_edge(labels, stats[1:])
    sizes = np.maximum(stats[1:, 2], stats[1:, 3])
    if not edge.any():
        return ink
    dropped = np.concatenate([[False], edge])[labels].astype(np.uint8)
    dropped = cv2.dilate(dropped, np.ones((5, 5), np.uint8))
    rest = np.where(dropped > 0, 0, ink).astype(np.uint8)
    mask, contrast = ink_mask(rest)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    size = stats[1:, 2:4].max() if len(stats) > 1 else 0
    return rest if contrast >= 12 and size >= 0.12 * max(ink.shape) else ink


def _is_edge(labels: NDArray[np.int32], stats: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Say which components lie along the border: strips along a side, corners, whole frames."""
    height, width = labels.shape
    x, y, w, h, area = stats.T
    depth = max(1, round(0.12 * max(height, width)))
    inner = labels[depth : height - depth, depth : width - depth]
    inside = np.bincount(inner.ravel(), minlength=len(stats) + 1)[1:]
    hugging = inside < 0.1 * area
    wide, tall = w >= 0.9 * width, h >= 0.9 * height
    left, top, right, bottom = x == 0, y == 0, x + w == width, y + h == height
    corner = (left | right) & (top | bottom)
    strip = (wide & (top | bottom) & (h < 0.35 * height)) | (tall & (left | right) & (w < 0.35 * width))
    frame = (w >= 0.75 * width) & (h >= 0.75 * height)
    return strip | (hugging & (corner | frame | left | top | right | bottom))


def without_lines(ink: Gray) -> Gray:
    """Drop the lines of squared or lined paper: what runs from one side of the picture to the other."""
    mask, _ = ink_mask(ink)
    lines = _spanning_lines(mask) | _spanning_lines(mask.T).T
    if not lines.any():
        return ink
    lines = cv2.dilate(lines, np.ones((3, 3), np.uint8))
    level = float(np.median(ink[(lines > 0) & (mask > 0)]))
    free = mask & ~(lines > 0)
    bridge = cv2.morphologyEx(free, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    gone = (lines > 0) & (bridge == 0) & (ink < 1.4 * level)
    rest = np.where(gone, 0, ink).astype(np.uint8)
    mask, contrast = ink_mask(rest)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    size = stats[1:, 2:4].max() if len(stats) > 1 else 0
    return rest if contrast >= 12 and size >= 0.12 * max(ink.shape) else ink


def _spanning_lines(mask: Gray) -> Gray:
    """Mark the nearly horizontal lines that run from the left border to the right one."""
    width = mask.shape[1]
    if min(mask.shape) < 64:
        return np.zeros_like(mask)
    thick = cv2.dilate(np.ascontiguousarray(mask), np.ones((3, 1), np.uint8))
    runs = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, max(3, width // 6)), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(runs, connectivity=8)
    spanning = (stats[:, 2] >= 0.85 * width) & (stats[:, 3] <= 0.15 * width)
    spanning[0] = False
    return (spanning[labels] & (mask > 0)).astype(np.uint8)


def choose_strokes(mask: Gray, ink: Gray) -> tuple[Gray, str]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count <= 2:
        return mask, ""
    x, y, w, h, area = stats[1:].T
    mass = np.bincount(labels.ravel(), ink.ravel(), minlength=count)[1:]
    size = np.maximum(w, h)
    main = int(mass.argmax())
    gap = np.maximum(
        np.maximum(x - (x + w)[main], x[main] - (x + w)),
        np.maximum(y - (y + h)[main], y[main] - (y + h)),
    )
    keep = (gap < 0.25 * size[main]) & (area > 0.02 * area[main])
    keep[main] = True
    others = ~keep & (size > 0.5 * size[main]) & (mass > 0.3 * mass[main])
    trouble = "several separate objects" if others.any() else ""
    return np.concatenate([[False], keep])[labels].astype(np.uint8), trouble


def _fine_ink(paper: Gray, keep: Gray, scale: float) -> Gray:
    x, y, w, h = cv2.boundingRect(keep)
    margin = 0.15 * max(w, h) + 1
    left, top = max(0, int((x - margin) / scale)), max(0, int((y - margin) / scale))
    right = min(paper.shape[1], int(np.ceil((x + w + margin) / scale)))
    bottom = min(paper.shape[0], int(np.ceil((y + h + margin) / scale)))
    zoom = BOX * FINE / (max(w, h) / scale)
    crop = _resize(paper[top:bottom, left:right], zoom)
    where = keep[
        int(top * scale) : max(int(bottom * scale), int(top * scale) + 1),
        int(left * scale) : max(int(right * scale), int(left * scale) + 1),
    ]
    where = cv2.resize(where, crop.shape[::-1], interpolation=cv2.INTER_NEAREST)
    where = cv2.dilate(where, np.ones((5, 5), np.uint8))
    ink = flatten(crop) * where
    level, _ = cv2.threshold(ink[where > 0][None], 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    strong = ink[ink > level]
    full = float(np.percentile(strong, 50)) if strong.size else 255.0
    low = 0.35 * level
    soft = np.clip((ink.astype(np.float32) - low) / max(full - low, 1.0), 0, 1) * 255
    return soft.astype(np.uint8)


def even_strokes(fine: Gray) -> Gray:
    mask = (fine > 127).astype(np.uint8)
    padded = cv2.copyMakeBorder(mask, 2, 2, 2, 2, cv2.BORDER_CONSTANT)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)
    ridge = (distance > 0) & (distance >= cv2.dilate(distance, np.ones((3, 3), np.uint8)) - 1e-3)
    if not ridge.any():
        return fine
    width = 2 * float(np.median(distance[ridge])) - 1
    low, high = STROKE[0] * FINE, STROKE[1] * FINE
    radius = round((min(max(width, low), high) - width) / 2)
    if radius == 0:
        return fine
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(radius) + 1,) * 2)
    if radius > 0:
        fine = cv2.copyMakeBorder(fine, *(radius,) * 4, cv2.BORDER_CONSTANT)
        return cv2.dilate(fine, kernel).astype(np.uint8, copy=False)
    return cv2.erode(fine, kernel, borderValue=0).astype(np.uint8, copy=False)


def fit(fine: Gray) -> Gray:
    x, y, w, h = cv2.boundingRect((fine > 64).astype(np.uint8))
    if w == 0 or h == 0:
        return np.zeros((SIDE, SIDE), np.uint8)
    zoom = BOX / max(w, h)
    size = max(1, round(w * zoom)), max(1, round(h * zoom))
    digit = cv2.resize(fine[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA)
    m = cv2.moments(digit)
    cx, cy = m["m10"] / max(m["m00"], 1), m["m01"] / max(m["m00"], 1)
    left = min(max(round(SIDE / 2 - 0.5 - cx), 0), SIDE - size[0])
    top = min(max(round(SIDE / 2 - 0.5 - cy), 0), SIDE - size[1])
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[top : top + size[1], left : left + size[0]] = digit
    return image


def _resize(gray: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale == 1:
        return gray
    height, width = gray.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(gray, size, interpolation=how).astype(np.uint8, copy=False)
