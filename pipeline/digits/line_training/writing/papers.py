"""Paper that lines are composed on: its light and grain, its print, and what a camera adds."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.recognition.lines.format import HEIGHT, stretch
from pipeline.system.arrays import Pixels

Floats = NDArray[np.float32]

PRINTS, GRAINS = 160, 48  # kept to choose from
LARGE = (96, 512)  # of each, in pixels
SOFTNESS = (0.0, 0.6, 0.9, 1.4, 2.5, 8.0)  # of grains, the deviation that they are blurred by

PRINTED = 0.55  # share of the lines on paper with printed waves or rings
RULED, BOXED, PADDED, COMPRESSED = 0.42, 0.04, 0.35, 0.4  # share with each of these
SMALL = 18.0  # height of digits that cannot be taken for the side of a box
PALEST, DARKEST = 0.4, 0.97  # share of the paper's light that ink swallows


@dataclass(frozen=True)
class Papers:
    """What papers are made of.

    Attributes:
        prints: Float32 (PRINTS, *LARGE), 0..1, lines that are printed on security paper.
        grains: Float32 (GRAINS, *LARGE), of mean 0 and deviation 1.
    """

    prints: Floats
    grains: Floats

    @classmethod
    def make(cls, rng: np.random.Generator) -> Self:
        """Make them; the same state makes the same ones."""
        return cls(
            np.stack([_print(rng) for _ in range(PRINTS)]),
            np.stack([_grain(SOFTNESS[n % len(SOFTNESS)], rng) for n in range(GRAINS)]),
        )

    def write_on(self, ink: Pixels, height: float, rng: np.random.Generator) -> Pixels:
        """Put ink on paper and take its picture.

        Args:
            ink: uint8 (HEIGHT, w), 255 where there is most.
            height: Of its digits, in pixels.
            rng: The same state takes the same picture.

        Returns:
            uint8 (HEIGHT, w), dark on light, stretched.
        """
        width = ink.shape[1]
        strength = rng.uniform(PALEST, DARKEST)
        paper = self._paper(width, strength, rng)
        dark = ink.astype(np.float32) * np.float32(strength / 255)
        if rng.random() < 0.5:
            uneven = self._piece(
                self.grains[4::6] if rng.random() < 0.5 else self.grains[5::6], width, rng
            )
            dark *= np.clip(1 - np.float32(rng.uniform(0, 0.3)) * (uneven + 1), 0.2, 1)
        lines = _drawn_lines(ink, height, rng)
        if lines is not None:
            share = np.float32(strength * rng.uniform(0.25, 1.0) / 255)
            dark = np.maximum(dark, lines.astype(np.float32) * share)
        picture = paper * (1 - dark)
        gray = _photographed(picture, rng)
        if rng.random() < PADDED:
            _pad(gray, ink > 64, float(paper.mean()), rng)
        return stretch(gray)

    def _paper(self, width: int, strength: float, rng: np.random.Generator) -> Floats:
        paper = np.full((HEIGHT, width), rng.uniform(110, 250), np.float32)
        if rng.random() < PRINTED:
            printed = self._piece(self.prints, width, rng)
            paper *= 1 - printed * np.float32(strength * rng.uniform(0.03, 0.5))
        if rng.random() < 0.5:
            grain = self._piece(self.grains, width, rng)
            paper *= 1 + grain * np.float32(strength * rng.uniform(0, 0.11))
        if rng.random() < 0.4:
            slopes = rng.uniform(-0.25, 0.25, 2) * strength
            paper *= 1 + np.linspace(-slopes[0], slopes[0], width, dtype=np.float32)
            paper *= 1 + np.linspace(-slopes[1], slopes[1], HEIGHT, dtype=np.float32)[:, None]
        return paper

    def _piece(self, large: Floats, width: int, rng: np.random.Generator) -> Floats:
        top = rng.integers(large.shape[1] - HEIGHT)
        left = rng.integers(large.shape[2] - width)
        piece = large[rng.integers(len(large)), top : top + HEIGHT, left : left + width]
        return piece[:: rng.choice((-1, 1)), :: rng.choice((-1, 1))]


def _photographed(picture: Floats, rng: np.random.Generator) -> Pixels:
    """Blur a picture, add noise, store it as JPEG, cut it; each by chance."""
    if rng.random() < 0.6:
        blurred = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.95))
        picture = blurred.astype(np.float32, copy=False)
    if rng.random() < 0.5:
        noise = rng.standard_normal(picture.shape, np.float32)
        picture = picture + noise * np.float32(rng.uniform(0, 7))
    gray = picture.clip(0, 255).astype(np.uint8)
    if rng.random() < COMPRESSED:
        quality = int(rng.integers(25, 92))
        _, stored = cv2.imencode(".jpg", gray, (cv2.IMWRITE_JPEG_QUALITY, quality))
        gray = np.asarray(cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE), np.uint8)
    return gray


def _pad(gray: Pixels, inked: NDArray[np.bool_], tone: float, rng: np.random.Generator) -> None:
    """Leave nothing but even paper beyond some edges, as where a picture ends."""
    for turned, ink in ((gray, inked), (gray.T, inked.T)):
        places = np.flatnonzero(ink.any(axis=1))
        if len(places):
            above, below = (min(int(free) + 3, 12) for free in (places[0], len(ink) - places[-1]))
            turned[: rng.integers(above)] = min(int(tone), 255)
            turned[len(ink) - rng.integers(below) :] = min(int(tone), 255)


def _drawn_lines(ink: Pixels, height: float, rng: np.random.Generator) -> Pixels | None:
    """Draw the rules and boxes that people write on, uint8 (HEIGHT, width), or none."""
    chance = rng.random()
    if chance > RULED + BOXED:
        return None
    lines = np.zeros_like(ink)
    thickness = 1 if rng.random() < 0.8 else 2
    below = HEIGHT / 2 + height / 2 + rng.uniform(-3, 3)
    _rule(lines, below, rng, thickness)
    if rng.random() < 0.35:
        _rule(lines, HEIGHT / 2 - height / 2 - rng.uniform(-1, 4), rng, thickness)
    if chance < BOXED and height < SMALL:
        _sides(lines, np.flatnonzero((ink > 64).any(axis=0)), rng, thickness)
    return lines


def _sides(lines: Pixels, inked: NDArray[np.intp], rng: np.random.Generator, pen: int) -> None:
    """Draw the sides of a box where they cannot be taken for a one."""
    width = lines.shape[1]
    first, last = (int(inked[0]), int(inked[-1])) if len(inked) else (width // 2, width // 2)
    for low, high in ((1, first - 5), (last + 5, width - 1)):
        if low < high:
            x, lean = int(rng.integers(low, high)), int(rng.integers(-1, 2))
            cv2.line(lines, (x - lean, 0), (x + lean, HEIGHT - 1), 255, pen, cv2.LINE_AA)


def _rule(lines: Pixels, y: float, rng: np.random.Generator, thickness: int) -> None:
    rise = rng.normal(0, 1.0)
    ends = (0, round((y - rise) * 8)), (lines.shape[1] * 8, round((y + rise) * 8))
    cv2.line(lines, *ends, 255, thickness, cv2.LINE_AA, shift=3)


def _grain(softness: float, rng: np.random.Generator) -> Floats:
    grain = rng.standard_normal(LARGE, np.float32)
    if softness:
        # Woven paper is grained across or along more than the other way.
        along = softness * rng.choice((1.0, 1.0, 3.0))
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), along, sigmaY=softness), np.float32)
    return np.asarray(grain / grain.std(), np.float32)


def _print(rng: np.random.Generator) -> Floats:
    """Print families of wavy or concentric lines, 0..1, (*LARGE)."""
    rows, columns = np.mgrid[: LARGE[0], : LARGE[1]].astype(np.float32)
    printed = np.zeros(LARGE, np.float32)
    for _ in range(rng.integers(1, 4)):
        phase = _rings(rows, columns, rng) if rng.random() < 0.4 else _waves(rows, columns, rng)
        sharp = rng.uniform(0, 0.8)
        line = np.clip((np.cos(phase) - sharp) / (1 - sharp), 0, 1)
        printed = np.maximum(printed, line * np.float32(rng.uniform(0.5, 1)))
    return printed


def _rings(rows: Floats, columns: Floats, rng: np.random.Generator) -> Floats:
    spacing, squash = rng.uniform(3, 9), rng.uniform(0.4, 1.6)
    x, y = rng.uniform(-100, LARGE[1] + 100), rng.uniform(-60, LARGE[0] + 60)
    distance = np.hypot(columns - np.float32(x), (rows - np.float32(y)) * np.float32(squash))
    wobble = np.sin(columns / np.float32(rng.uniform(6, 30))) * np.float32(rng.uniform(0, 3))
    return np.asarray((distance + wobble) * np.float32(2 * np.pi / spacing), np.float32)


def _waves(rows: Floats, columns: Floats, rng: np.random.Generator) -> Floats:
    spacing, angle = rng.uniform(3, 9), rng.uniform(-np.pi / 2, np.pi / 2)
    across, down = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along, aside = columns * across + rows * down, rows * across - columns * down
    wobble = np.sin(along / np.float32(rng.uniform(4, 30))) * np.float32(rng.uniform(0, 6))
    return np.asarray((aside + wobble) * np.float32(2 * np.pi / spacing), np.float32)
