"""Lines of handwriting, composed of single digits for the network to learn from."""

import math
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.digits.line_training.writing.hands import draw_digits, draw_signs
from pipeline.digits.line_training.writing.marks import draw_mark
from pipeline.digits.line_training.writing.papers import Papers
from pipeline.digits.line_training.writing.texts import invent_line
from pipeline.digits.recognition.lines.format import APART, HEIGHT, STRIDE, label_places
from pipeline.digits.splits import Split
from pipeline.digits.training.augmentation import Distortion, distort
from pipeline.system.arrays import Pixels

WIDTH = 160  # of a composed strip, in pixels
DIGIT = 20  # height of MNIST's digits, in pixels
DRAWN, SIGNS = 16_000, 600  # kept to choose from
DRAWN_SHARES = (0.0, 0.15, 0.4, 1.0)  # of the digits of a line, by chance
BENT = Distortion(rotation=8, shear=0.15, scale=0.08, stretch=0.2, elastic=0.75, thickness=0.3)

Spans = NDArray[np.float64]  # (n, 2): the first column of each digit and the one behind its last

INK = 90
FAR = 10_000  # where a line of pixels has no ink to begin or end
NESTED = 0.5  # heights of a digit's box that may lie in its neighbour's
OVERLAP = 0.1  # heights that touching strokes go into each other, at most
NEAREST = APART * STRIDE  # columns from one middle to the next, at least
BLANK, FRAGMENTED = 0.02, 0.2  # share of the lines without a digit, and with parts of others
CUT = 0.05  # share of the lines whose picture ends within a digit
MOST_CUT = 0.35  # share of a digit that may be missing, or it counts as none


@dataclass(frozen=True)
class Stock:
    """What lines are composed of.

    Attributes:
        written: For each digit MNIST's images, uint8 (n, 28, 28), those with least ink first.
        drawn: The same of digits drawn from strokes.
        signs: uint8 (n, 28, 28), letters and other signs.
        papers: To write on.
    """

    written: tuple[Pixels, ...]
    drawn: tuple[Pixels, ...]
    signs: Pixels
    papers: Papers

    @classmethod
    def lay_in(cls, digits: Split, seed: int) -> Self:
        """Lay in digits, (n, 28, 28), light on dark, each of the ten at least once, and paper."""
        rng = np.random.default_rng(seed)
        return cls(
            _pools(digits),
            _pools(draw_digits(DRAWN, rng)),
            draw_signs(SIGNS, rng),
            Papers.make(rng),
        )

    def take(self, texts: list[str], rng: np.random.Generator) -> Pixels:
        """Take an image of each digit of some texts, uint8 (n, 28, 28), each bent in its own way.

        Those of a text have pens of about the same width, and many are by one kind of hand.
        """
        images = []
        for text in texts:
            digits = [int(each) for each in text if each.isdigit()]
            drawn = rng.random(len(digits)) < rng.choice(DRAWN_SHARES)
            pen = rng.random()
            for digit, from_strokes in zip(digits, drawn, strict=True):
                pool = (self.drawn if from_strokes else self.written)[digit]
                place = min(max(pen + rng.normal(0, 0.1), 0.0), 1.0)
                images.append(pool[int(place * (len(pool) - 1))])
        return distort(np.stack(images), BENT, rng) if images else np.empty((0, 28, 28), np.uint8)


def _pools(digits: Split) -> tuple[Pixels, ...]:
    order = np.argsort(digits.images.mean(axis=(1, 2)), kind="stable")
    images, labels = digits.images[order], digits.labels[order]
    return tuple(images[labels == digit] for digit in range(10))


@dataclass(frozen=True)
class Style:
    """What the digits of a line have in common.

    Attributes:
        height: Of the digits, in pixels.
        widen: Their width, as a multiple of MNIST's.
        slant: In pixels across per pixel down.
        rise: How far the line climbs, in pixels down per pixel across.
        gap: Columns between digits that do not touch, on average.
        touching: Share of the neighbours that touch.
        unsteady: Deviation of size and place, as a share of the height.
        small_noughts: Size of the noughts after the first digit.
        pen: How much thicker (> 0) or thinner (< 0) its strokes are: 1 is a pixel on each side.
    """

    height: float
    widen: float
    slant: float
    rise: float
    gap: float
    touching: float
    unsteady: float
    small_noughts: float
    pen: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """Draw a style; the same state draws the same one."""
        height = rng.triangular(13, 20, 29)
        return cls(
            height=height,
            widen=math.exp(rng.normal(0.1, 0.2)),
            slant=rng.normal(-0.12, 0.2),
            rise=rng.normal(0, 0.02) if rng.random() < 0.6 else 0.0,
            gap=height * rng.gamma(2.0, 0.09),
            touching=float(rng.choice((0.0, 0.25, 0.6, 1.0), p=(0.2, 0.2, 0.15, 0.45))),
            unsteady=rng.uniform(0.01, 0.13),
            small_noughts=rng.uniform(0.5, 0.85) if rng.random() < 0.2 else 1.0,
            pen=rng.uniform(-0.8, 0.7),
        )


def compose_lines(stock: Stock, count: int, rng: np.random.Generator) -> Split:
    """Compose lines of digits on paper.

    Args:
        stock: What they are composed of.
        count: How many.
        rng: The same state composes the same lines.

    Returns:
        Images uint8 (count, HEIGHT, WIDTH), dark on light, and labels uint8
        (count, WIDTH / STRIDE), as `format.label_places` gives them.
    """
    texts = ["" if rng.random() < BLANK else invent_line(rng) for _ in range(count)]
    images = iter(stock.take(texts, rng))
    strips, labels = [], []
    for text in texts:
        style = Style.draw(rng)
        line = _Line(style, rng)
        glyphs = [next(images) if each.isdigit() else None for each in text]
        line.write(text, glyphs, stock)
        ink, spans = line.finished()
        if rng.random() < FRAGMENTED:
            _add_fragments(ink, stock, style, rng)
        strip, digits = stock.papers.write_on(ink, style.height, rng), line.digits
        if len(digits) and rng.random() < CUT:
            whole = _cut_off(strip, spans, rng)
            spans, digits = spans[whole], digits[whole]
        strips.append(strip)
        labels.append(label_places(spans.mean(axis=1), digits, WIDTH))
    return Split(np.stack(strips), np.stack(labels))


class _Line:
    """A line that is being written from left to right."""

    def __init__(self, style: Style, rng: np.random.Generator) -> None:
        self.style, self.rng = style, rng
        self.ink = np.zeros((HEIGHT, WIDTH), np.uint8)
        self.ends = np.full(HEIGHT, -FAR)  # the last inked column of each line of pixels
        self.right = 0  # the first column that is free
        self.spans: list[tuple[int, int]] = []  # where each digit begins and ends
        self.digits: list[int] = []
        room = max(0.0, (HEIGHT - style.height) / 2 + 0.5)
        self.centre = HEIGHT / 2 + rng.uniform(-room, room)

    def write(self, text: str, glyphs: list[Pixels | None], stock: Stock) -> None:
        """Write a text, of whose characters the digits have an image, as far as there is room."""
        for sign, glyph in zip(text, glyphs, strict=True):
            if glyph is not None:
                fits = self._write_digit(int(sign), glyph)
            elif sign == "?":
                image = stock.signs[self.rng.integers(len(stock.signs))]
                fits = self._write_image(image, 1.0, None)
            else:
                fits = self._write_mark(sign)
            if not fits:
                return

    def finished(self) -> tuple[Pixels, Spans]:
        """Return its ink, uint8 (HEIGHT, WIDTH), somewhere along the strip, and the spans."""
        free = WIDTH - self.right
        shift = int(self.rng.integers(0, free + 1)) if free > 0 else 0
        move = np.array([[1, 0, shift], [self.style.rise, 1, -self.style.rise * self.right / 2]])
        ink = cv2.warpAffine(self.ink, move, (WIDTH, HEIGHT))
        spans = np.array(self.spans, np.float64).reshape(-1, 2) + shift
        return _thickened(ink, self.style.pen), spans

    def _write_digit(self, digit: int, glyph: Pixels) -> bool:
        small = digit == 0 and bool(self.digits)
        return self._write_image(glyph, self.style.small_noughts if small else 1.0, digit)

    def _write_image(self, image: Pixels, size: float, digit: int | None) -> bool:
        style, rng = self.style, self.rng
        height = style.height * size * (1 + rng.normal(0, style.unsteady))
        low = (style.height - height) / 2 * rng.uniform(0.3, 1) if size < 1 else 0.0
        middle = self.centre + low + rng.normal(0, style.unsteady) * style.height
        glyph = _glyph(image, height / DIGIT, style, middle)
        if glyph is None:
            return True
        left = self._left_of(glyph)
        right = left + glyph.ink.shape[1]
        if right > WIDTH:
            return False
        window = self.ink[:, left:right]
        faint = np.float32(rng.uniform(0.85, 1))
        np.maximum(window, (glyph.ink * faint).astype(np.uint8), out=window)
        self.ends = np.maximum(self.ends, left + glyph.last)
        self.right = max(self.right, right)
        if digit is not None:
            self.spans.append((left, right))
            self.digits.append(digit)
        return True

    def _left_of(self, glyph: "_Glyph") -> int:
        """Say where a glyph goes: beside the one before, touching it or not."""
        if self.right == 0:
            return int(self.rng.integers(1, 8))
        beside = int((self.ends - glyph.first).max()) + 1
        if self.rng.random() < self.style.touching:
            nested = self.right - NESTED * self.style.height
            left = max(beside - self.rng.uniform(0, OVERLAP) * self.style.height, nested)
        else:
            gap = max(1, round(self.style.gap * self.rng.uniform(0.4, 1.6)))
            # Slanted digits reach over each other; hardly any hand lets them do so fully.
            left = max(beside, round(self.rng.uniform(0.6, 1) * self.right)) + gap
        left = math.floor(left)
        if self.spans:
            before = sum(self.spans[-1]) / 2
            left = max(left, math.ceil(before + NEAREST - glyph.ink.shape[1] / 2))
        return max(int(left), 0)

    def _write_mark(self, sign: str) -> bool:
        style, rng = self.style, self.rng
        left = self.right + max(1.0, rng.uniform(0.0, 0.35) * style.height)
        right = draw_mark(self.ink, sign, left, self.centre, style.height, style.slant, rng)
        self.right = min(math.ceil(right), WIDTH)
        inked = self.ink > INK
        self.ends = np.where(inked.any(axis=1), WIDTH - 1 - inked[:, ::-1].argmax(axis=1), -FAR)
        return right < WIDTH


@dataclass(frozen=True)
class _Glyph:
    """A digit as high as a strip, and where its ink begins and ends in each line of pixels."""

    ink: Pixels
    first: NDArray[np.intp]
    last: NDArray[np.intp]


def _glyph(image: Pixels, scale: float, style: Style, middle: float) -> _Glyph | None:
    """Bring an image to its size, slant and place in the strip."""
    across = scale * style.widen
    width = math.ceil(28 * across + abs(style.slant) * 28 * scale) + 2
    turned = np.array(
        [
            [across, style.slant * scale, width / 2 - 14 * (across + style.slant * scale)],
            [0.0, scale, middle - 14 * scale],
        ]
    )
    ink = cv2.warpAffine(image, turned, (width, HEIGHT))
    strong = ink > INK
    columns = np.flatnonzero(strong.any(axis=0))
    if not len(columns):
        return None
    left, right = columns[0], columns[-1] + 1
    ink, strong = ink[:, left:right], strong[:, left:right]
    empty = ~strong.any(axis=1)
    last = strong.shape[1] - 1 - strong[:, ::-1].argmax(axis=1)
    return _Glyph(
        ink.astype(np.uint8, copy=False),
        np.where(empty, FAR, strong.argmax(axis=1)),
        np.where(empty, -FAR, last),
    )


def _thickened(ink: cv2.typing.MatLike, pen: float) -> Pixels:
    """Thicken strokes, or thin them where `pen` is below 0; the darkest stay as dark."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    other = cv2.dilate(ink, cross) if pen > 0 else cv2.erode(ink, cross)
    mixed = cv2.addWeighted(ink, 1 - abs(pen), other, abs(pen), 0)
    return cv2.convertScaleAbs(mixed, alpha=255 / max(int(mixed.max()), 64)).astype(np.uint8)


def _cut_off(strip: Pixels, spans: Spans, rng: np.random.Generator) -> slice:
    """Let the picture end within its first or its last digit; say which are still digits."""
    paper, missing = np.uint8(np.median(strip)), rng.random()
    is_first = bool(rng.random() < 0.5)
    left, right = spans[0 if is_first else -1]
    if is_first:
        strip[:, : round(left + missing * (right - left))] = paper
    else:
        strip[:, round(right - missing * (right - left)) :] = paper
    if missing <= MOST_CUT:
        return slice(None)
    return slice(1, None) if is_first else slice(None, -1)


def _add_fragments(ink: Pixels, stock: Stock, style: Style, rng: np.random.Generator) -> None:
    """Let parts of the neighbouring lines stick in at the top or the bottom."""
    for is_below in rng.permutation([True, False])[: rng.integers(1, 3)]:
        left, end = sorted(rng.integers(0, WIDTH, 2))
        scale = rng.uniform(0.35, 1.0) * style.height / DIGIT
        depth = rng.uniform(1, 5)
        inset = (HEIGHT - style.height) / 2
        depth = min(depth, max(inset + 1, 1))
        middle = HEIGHT - depth + DIGIT * scale / 2 if is_below else depth - DIGIT * scale / 2
        while left < end:
            pool = stock.written[rng.integers(10)] if rng.random() < 0.7 else stock.signs
            glyph = _glyph(pool[rng.integers(len(pool))], scale, style, middle)
            width = glyph.ink.shape[1] if glyph else 4
            if glyph and left + width <= WIDTH:
                window = ink[:, left : left + width]
                np.maximum(window, glyph.ink, out=window)
            left += width + int(rng.integers(1, 8))
