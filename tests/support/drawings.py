"""Digits drawn as strokes, and effects on pictures of them: light, paper, noise."""

import cv2
import numpy as np

# Digits as strokes, in a box of 1 x 1.
STROKES = {
    2: [[(0.1, 0.25), (0.3, 0.03), (0.7, 0.03), (0.9, 0.25), (0.1, 0.97), (0.9, 0.97)]],
    3: [[(0.1, 0.1), (0.6, 0.03), (0.8, 0.25), (0.4, 0.48), (0.85, 0.7), (0.6, 0.97), (0.1, 0.9)]],
    4: [[(0.45, 0.03), (0.1, 0.6), (0.9, 0.6)], [(0.65, 0.3), (0.65, 0.97)]],
    5: [[(0.8, 0.03), (0.25, 0.03), (0.2, 0.45), (0.75, 0.5), (0.8, 0.85), (0.2, 0.95)]],
    7: [[(0.1, 0.05), (0.9, 0.05), (0.4, 0.97)], [(0.3, 0.5), (0.75, 0.5)]],
}


def draw(digit, *, side=200, height=120.0, pen=10.0, ink=20, paper=240, at=(0.5, 0.5)):
    """Draw a digit's strokes, uint8 (side, side), smooth, its box centred at `at`."""
    canvas = np.full((side, side), 0, np.uint8)
    box = np.array([0.7 * height, height])
    corner = np.array(at) * side - box / 2
    for stroke in STROKES[digit]:
        points = np.round((corner + np.array(stroke) * box) * 16).astype(np.int32)
        cv2.polylines(canvas, [points], False, 255, max(1, round(pen)), cv2.LINE_AA, 4)
    share = canvas.astype(np.float32) / 255
    return np.round(paper + share * (ink - paper)).astype(np.uint8)


def likeness(one, other):
    """Return the correlation of two slightly blurred pictures, shifted by up to a pixel to fit."""
    soft = [cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.8) for image in (one, other)]
    wide = cv2.copyMakeBorder(soft[0], 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    return float(cv2.matchTemplate(wide, soft[1], cv2.TM_CCOEFF_NORMED).max())


def shadow(picture, depth=0.6):
    ramp = np.linspace(-6, 6, picture.shape[1])
    light = 1 - depth / (1 + np.exp(-ramp))
    return (picture * light).astype(np.uint8)


def vignette(picture, depth=0.6):
    across = np.linspace(-1, 1, picture.shape[1]) ** 2
    down = np.linspace(-1, 1, picture.shape[0])[:, None] ** 2
    return (picture * (1 - depth * (across + down) / 2)).astype(np.uint8)


def jpeg(picture, quality=20):
    _, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)


def grain(picture, amount=8.0):
    noise = np.random.default_rng(0).normal(0, amount, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def squared(picture, tone=150):
    marked = picture.copy()
    for place in range(12, len(picture), 36):
        marked[place : place + 2] = np.minimum(marked[place : place + 2], tone)
        marked[:, place : place + 2] = np.minimum(marked[:, place : place + 2], tone)
    return marked


def lined(picture, tone=60):
    marked = picture.copy()
    for place in range(12, len(picture), 36):
        marked[place : place + 2] = np.minimum(marked[place : place + 2], tone)
    return marked


def framed(picture):
    marked = picture.copy()
    cv2.rectangle(marked, (6, 6), (193, 193), 20, 3)
    return marked


def table_edge(picture):
    marked = picture.copy()
    marked[:, -14:] = 60
    marked[:9] = 40
    return marked


def specks(picture):
    marked = picture.copy()
    for x, y in np.random.default_rng(1).integers(4, 196, (12, 2)).tolist():
        cv2.circle(marked, (x, y), 1, 60, -1)
    return marked


def colored(ink, paper):
    def paint(picture):
        share = (240 - picture.astype(np.float32))[..., None] / 220
        return np.clip(np.array(paper) + share * (np.array(ink) - paper), 0, 255).astype(np.uint8)

    return paint
