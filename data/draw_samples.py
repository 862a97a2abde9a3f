"""Draw the sample pictures of `data/custom/`: `python data/draw_samples.py [FOLDER]`.

Every digit is a few pen strokes of our own design: smooth curves through the points in FORMS. An
unsteady hand draws them with several kinds of pens on several kinds of paper, so that the samples
differ as much as the pictures people bring. The same code always draws the same pictures.
"""

import csv
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from pipeline.digits.training.drawing.handwriting import smooth_curve

Floats: TypeAlias = NDArray[np.float64]
Colour: TypeAlias = tuple[int, int, int]
Size: TypeAlias = tuple[int, int]
Paper: TypeAlias = Callable[[Size, np.random.Generator], Floats]
Light: TypeAlias = Callable[[Size, np.random.Generator], Floats]

# Pen strokes as points "x,y" in hundredths of the digit's height, x to the right, y down. A slash
# makes the point before it a corner.
FORMS: dict[str, tuple[str, ...]] = {
    "0 closed": ("46,4 22,5 4,32 3,68 20,96 44,95 61,68 60,30 44,4 36,3",),
    "0 overlapping": ("40,7 16,12 1,46 8,85 30,100 56,82 63,42 50,10 30,0 19,7 24,20 40,23",),
    "1 stroke": ("36,0 31,50 25,100",),
    "1 flag": ("5,33 20,20 36,0 / 35,50 32,100",),
    "1 foot": (
        "10,24 22,15 34,0 / 34,50 34,98",
        "10,99 34,98 60,98",
    ),
    "2 plain": ("5,25 15,6 38,0 57,17 50,44 26,74 2,97 / 30,96 64,97",),
    "2 loop": ("8,20 25,2 48,6 54,30 38,64 16,93 4,97 1,87 12,81 30,90 50,98 70,90",),
    "3 round": ("6,14 26,0 50,8 52,28 38,43 22,46 / 45,50 59,70 48,93 24,100 2,88",),
    "3 flat": ("5,3 30,2 58,0 / 42,20 26,40 / 48,44 60,66 47,93 20,100 0,88",),
    "4 open": (
        "13,2 9,30 3,59 / 30,60 68,55",
        "50,20 47,60 43,100",
    ),
    "4 closed": (
        "45,0 24,33 0,67 / 35,68 68,65",
        "45,0 46,50 46,100",
    ),
    "5 two strokes": (
        "13,4 11,22 8,43 / 30,36 53,47 58,72 38,97 2,93",
        "13,4 35,4 62,0",
    ),
    "5 one stroke": ("60,3 36,3 16,5 / 11,25 7,45 20,41 42,41 57,58 54,83 32,99 4,94",),
    "6 straight": ("47,0 25,22 7,52 4,78 20,98 44,96 56,76 46,58 26,57 8,74",),
    "6 curled": ("55,13 42,2 20,16 5,50 6,82 26,100 50,90 53,68 36,55 13,65",),
    "7 plain": ("2,5 30,4 60,1 / 42,38 30,70 22,100",),
    "7 bar": (
        "3,15 5,4 / 30,5 61,2 / 47,34 34,68 27,100",
        "15,53 36,51 60,47",
    ),
    "8 one stroke": ("52,13 32,0 11,14 18,36 40,53 55,76 38,98 13,94 6,74 24,54 45,36 53,14 42,3",),
    "8 two loops": (
        "30,0 11,10 11,33 30,44 48,33 50,12 33,0 24,2",
        "31,44 7,56 2,82 25,100 52,90 56,64 37,45 28,44",
    ),
    "9 straight": ("52,13 32,0 8,12 5,36 24,50 44,38 54,8 / 52,50 46,100",),
    "9 curved": ("53,16 36,1 11,10 5,33 22,48 43,39 54,14 57,48 49,84 27,100 6,91",),
}


@dataclass(frozen=True)
class Pen:
    """What the digit is drawn with.

    Attributes:
        colour: RGB, 0..255.
        width: Width of the line, as a share of the digit's height.
        grain: How much of the paper's tooth shows through, 0 (ink) .. 1 (chalk).
        pressure: How much the width of the line varies along the stroke, 0..1.
        nib: How much thinner a rising stroke is than a falling one, 0 (ball) .. 1 (broad nib).
    """

    colour: Colour
    width: float
    grain: float = 0.0
    pressure: float = 0.15
    nib: float = 0.0


BALLPOINT = Pen((28, 44, 140), 0.03)
FINELINER = Pen((20, 20, 24), 0.045, pressure=0.08)
FOUNTAIN = Pen((22, 30, 70), 0.06, nib=0.55)
PENCIL = Pen((78, 78, 82), 0.042, grain=0.55, pressure=0.25)
FELT = Pen((196, 32, 38), 0.095, pressure=0.1)
MARKER = Pen((16, 16, 18), 0.13, pressure=0.12)
BRUSH = Pen((24, 22, 26), 0.15, pressure=0.55, nib=0.35)
CHALK = Pen((232, 232, 222), 0.075, grain=0.75, pressure=0.2)
CRAYON = Pen((30, 110, 60), 0.1, grain=0.65, pressure=0.2)
TOUCH = Pen((0, 0, 0), 0.09, pressure=0.0)
LIGHT = Pen((255, 255, 255), 0.1, pressure=0.1)

WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True)
class Sample:
    """One picture: which digit, how it is written, and on what.

    Attributes:
        file: Name of the file; begins with the digit.
        form: Key of `FORMS`.
        size: (width, height) in pixels.
        pen: What it is drawn with.
        paper: Function (size, rng) -> paper of shape (h, w, 3), 0..255; None: transparent.
        height: Height of the digit, as a share of the shorter side of the picture.
        centre: Centre of the digit, as shares of width and height.
        slant: Sideways shift per height; positive leans to the right.
        turn: Rotation in degrees, clockwise.
        light: Function (size, rng) -> illumination of shape (h, w), 0..1, as in a photo.
    """

    file: str
    form: str
    size: Size
    pen: Pen
    paper: Paper | None
    height: float = 0.66
    centre: tuple[float, float] = (0.5, 0.5)
    slant: float = 0.0
    turn: float = 0.0
    light: Light | None = None


# --- the hand -------------------------------------------------------------------------------


def _drift(length: int, knots: int, rng: np.random.Generator) -> Floats:
    """Return `length` values of about -1..1 that vary smoothly."""
    return np.interp(
        np.linspace(0, knots - 1, length),
        np.arange(knots),
        np.clip(rng.normal(0, 0.6, knots), -1, 1),
    )


def write_by_hand(sample: Sample, rng: np.random.Generator) -> list[Floats]:
    """Return strokes drawn by an unsteady hand, (n, 3) each: x, y and line width in pixels."""
    width, height = sample.size
    scale = sample.height * min(width, height)
    strokes = [smooth_curve(stroke) for stroke in FORMS[sample.form]]
    middle = np.vstack(strokes)
    middle = (middle.min(axis=0) + middle.max(axis=0)) / 2
    angle = np.deg2rad(sample.turn + rng.normal(0, 1.5))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    lean = np.array([[rng.uniform(0.92, 1.08), -sample.slant], [0, 1]])
    place = np.array(sample.centre) * (width, height)
    drawn = []
    for stroke in strokes:
        wobble = np.stack([_drift(len(stroke), len(stroke) // 16 + 3, rng) for _ in "xy"], axis=1)
        points = (stroke - middle + 0.012 * wobble) @ (turn @ lean).T * scale + place
        drawn.append(np.column_stack([points, _line_widths(points, sample.pen, scale, rng)]))
    return drawn


def _line_widths(points: Floats, pen: Pen, scale: float, rng: np.random.Generator) -> Floats:
    n = len(points)
    widths = np.full(n, pen.width * scale) * (1 + pen.pressure * _drift(n, 6, rng))
    along = np.gradient(points, axis=0)
    direction = np.arctan2(along[:, 1], along[:, 0])
    widths *= 1 - pen.nib * np.abs(np.cos(direction - np.pi / 4 * 3)) * 0.8
    ends = np.minimum(np.arange(n), np.arange(n)[::-1]) / max(1, n * 0.06)
    return widths * (1 - 0.9 * pen.pressure * np.clip(1 - ends, 0, 1))


# --- ink and paper --------------------------------------------------------------------------


def _noise(size: Size, cell: float | tuple[float, float], rng: np.random.Generator) -> Floats:
    """Return noise, (h, w), of about -1..1, in blobs of `cell` (or width, height) pixels."""
    across, down = cell if isinstance(cell, tuple) else (cell, cell)
    shape = (int(size[1] / down) + 2, int(size[0] / across) + 2)
    coarse = Image.fromarray(rng.normal(0, 0.5, shape).astype(np.float32))
    return np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), np.float64)


def ink_cover(sample: Sample, strokes: list[Floats], rng: np.random.Generator) -> Floats:
    """Return the share of each pixel that ink covers, (h, w), 0..1."""
    width, height = sample.size
    fine = 8 if max(sample.size) < 100 else 3  # oversampling, for smooth edges
    mask = Image.new("L", (width * fine, height * fine))
    brush = ImageDraw.Draw(mask)
    for stroke in strokes:
        for x, y, w in _evenly(stroke) * fine:
            radius = max(w / 2, 0.5)
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    cover = np.asarray(mask.resize(sample.size, Image.Resampling.BOX), np.float64) / 255
    if sample.pen.grain == 0:
        return cover
    softness = sample.pen.width * sample.height * min(sample.size) / 3
    inside = np.asarray(mask.resize(sample.size).filter(ImageFilter.GaussianBlur(softness))) / 255
    tooth = 0.6 * _noise(sample.size, 1.4, rng) + 0.4 * _noise(sample.size, 3.0, rng)
    rubbed = np.clip(1.0 + 1.6 * tooth + 2.4 * (inside - 0.75), 0, 1)  # thinner at the rims
    return cover * (1 - sample.pen.grain * (1 - rubbed))


def _evenly(stroke: Floats) -> Floats:
    """Resample a stroke at even distances, close enough for dots to make a line."""
    steps = np.hypot(*np.diff(stroke[:, :2], axis=0).T)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    spacing = max(0.25, float(stroke[:, 2].mean()) / 10)
    places = np.linspace(0, length[-1], int(length[-1] / spacing) + 2)
    return np.column_stack([np.interp(places, length, column) for column in stroke.T])


def plain(colour: Colour) -> Paper:
    """Paper of one even colour, as from a drawing program."""

    def paper(size: Size, _: np.random.Generator) -> Floats:
        return np.full((size[1], size[0], 3), colour, np.float64)

    return paper


def fibrous(colour: Colour, strength: float = 5.0) -> Paper:
    """Paper of a colour that varies softly."""

    def paper(size: Size, rng: np.random.Generator) -> Floats:
        base = np.full((size[1], size[0], 3), colour, np.float64)
        return base + strength * _noise(size, max(size) / 12, rng)[..., None]

    return paper


def ruled(
    pitch: float, *, squared: bool, turn: float = 0.0, colour: Colour = (150, 178, 214)
) -> Paper:
    """White paper with printed lines.

    Args:
        pitch: Distance between lines as a share of the picture's shorter side.
        squared: Whether there are vertical lines, too.
        turn: Rotation of the sheet in degrees.
        colour: Colour of the lines.
    """

    def paper(size: Size, rng: np.random.Generator) -> Floats:
        step = pitch * min(size)
        x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
        angle = np.deg2rad(turn)
        across = y * np.cos(angle) - x * np.sin(angle) + step * 0.37
        along = x * np.cos(angle) + y * np.sin(angle) + step * 0.61
        distance = np.abs((across + step / 2) % step - step / 2)
        if squared:
            distance = np.minimum(distance, np.abs((along + step / 2) % step - step / 2))
        thickness = max(0.7, min(size) / 360)
        line: Floats = np.clip(thickness + 0.5 - distance, 0, 1)[..., None] * 0.85
        sheet = fibrous((252, 251, 246), 1.5)(size, rng)
        printed: Floats = sheet + line * (np.array(colour) - sheet)
        return printed

    return paper


def blackboard(colour: Colour) -> Paper:
    """A board from which older chalk marks were wiped."""

    def paper(size: Size, rng: np.random.Generator) -> Floats:
        wiped = _noise(size, (max(size) / 3, max(size) / 24), rng)  # the sponge goes across
        dust = 13 + 9 * wiped + 6 * _noise(size, max(size) / 5, rng)
        return np.array(colour, np.float64) + dust[..., None]

    return paper


def lamp(dark: float, corner: tuple[float, float]) -> Light:
    """Light that falls off towards a corner: illumination (h, w), `dark`..1."""

    def light(size: Size, _: np.random.Generator) -> Floats:
        x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
        near = np.clip(1 - np.hypot(x - corner[0], y - corner[1]) / 1.3, 0, 1)
        return 1 - (1 - dark) * near

    return light


def shadow(dark: float, edge: float, tilt: float) -> Light:
    """The soft shadow of a hand or a phone, right of a slanted edge; illumination (h, w)."""

    def light(size: Size, rng: np.random.Generator) -> Floats:
        x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
        beyond = (x + tilt * (y - 0.5) - edge + 0.03 * _noise(size, max(size) / 4, rng)) / 0.09
        return lamp(0.82, (0, 1))(size, rng) * (1 - (1 - dark) / (1 + np.exp(-beyond)))

    return light


def draw(sample: Sample) -> Image.Image:
    """Draw one sample: RGBA if it is transparent, else RGB."""
    rng = np.random.default_rng(zlib.crc32(sample.file.encode()))
    cover = ink_cover(sample, write_by_hand(sample, rng), rng)
    if sample.paper is None:
        colour = np.full((*cover.shape, 3), sample.pen.colour, np.float64)
        return Image.fromarray(_bytes(np.dstack([colour, cover * 255])), "RGBA")
    paper = sample.paper(sample.size, rng)
    page = paper * (1 - cover[..., None]) + np.array(sample.pen.colour) * cover[..., None]
    if sample.light is None:
        return Image.fromarray(_bytes(page), "RGB")
    lit = page * sample.light(sample.size, rng)[..., None]
    blurred = Image.fromarray(_bytes(lit), "RGB").filter(
        ImageFilter.GaussianBlur(max(sample.size) / 900)
    )
    return Image.fromarray(_bytes(np.asarray(blurred) + rng.normal(0, 2.0, lit.shape)), "RGB")


def _bytes(values: Floats) -> NDArray[np.uint8]:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


SAMPLES: tuple[Sample, ...] = (
    Sample("0_ballpoint.png", "0 closed", (200, 260), BALLPOINT, plain(WHITE), slant=0.12),
    Sample("0_blackboard.png", "0 overlapping", (400, 300), CHALK, blackboard((36, 56, 48)), 0.6),
    Sample("0_touch.png", "0 closed", (140, 140), TOUCH, plain(WHITE), 0.75),
    Sample("1_28px.png", "1 stroke", (28, 28), FINELINER, plain(WHITE), 0.7, slant=0.1),
    Sample("1_squared.png", "1 foot", (360, 360), FOUNTAIN, ruled(0.125, squared=True), 0.55),
    Sample(
        "1_photo.jpg",
        "1 flag",
        (800, 600),
        FINELINER,
        fibrous((214, 210, 202)),
        0.5,
        (0.46, 0.52),
        0.1,
        light=shadow(0.68, 0.62, 0.35),
    ),
    Sample(
        "2_photo.jpg",
        "2 loop",
        (1200, 900),
        BALLPOINT,
        fibrous((222, 219, 214)),
        0.45,
        (0.42, 0.5),
        0.15,
        -4,
        shadow(0.62, 0.55, -0.3),
    ),
    Sample(
        "2_lined.png",
        "2 plain",
        (320, 240),
        PENCIL,
        ruled(0.24, squared=False, turn=1.2),
        0.6,
        (0.55, 0.52),
    ),
    Sample("2_marker.png", "2 plain", (300, 400), MARKER, plain(WHITE), 0.8, slant=0.05),
    Sample(
        "3_blackboard.png",
        "3 round",
        (480, 360),
        CHALK,
        blackboard((40, 42, 44)),
        0.62,
        (0.58, 0.48),
    ),
    Sample("3_red_felt.png", "3 flat", (180, 180), FELT, plain((254, 253, 250)), 0.7, slant=0.08),
    Sample(
        "4_yellow_note.png",
        "4 open",
        (260, 260),
        FINELINER,
        fibrous((250, 226, 110), 4),
        0.6,
        (0.45, 0.55),
        0.06,
        -5,
    ),
    Sample("4_transparent.png", "4 closed", (256, 256), FINELINER, None, 0.7),
    Sample(
        "4_photo.webp",
        "4 open",
        (900, 700),
        FELT,
        fibrous((205, 200, 190)),
        0.5,
        (0.55, 0.45),
        0.1,
        5,
        lamp(0.5, (1, 1)),
    ),
    Sample("5_white_ink.png", "5 two strokes", (300, 300), LIGHT, None, 0.65),
    Sample(
        "5_pencil.png",
        "5 one stroke",
        (240, 300),
        PENCIL,
        fibrous((250, 250, 248), 2),
        0.7,
        slant=0.12,
    ),
    Sample(
        "6_squared.webp",
        "6 straight",
        (480, 480),
        BALLPOINT,
        ruled(0.1, squared=True, turn=-2),
        0.42,
        (0.4, 0.55),
        light=lamp(0.72, (0, 0)),
    ),
    Sample("6_brush.png", "6 curled", (400, 500), BRUSH, plain((255, 254, 250)), 0.8),
    Sample(
        "7_lined.jpg",
        "7 bar",
        (640, 480),
        FOUNTAIN,
        ruled(0.17, squared=False, turn=-1.5),
        0.5,
        (0.5, 0.47),
        0.1,
        0,
        lamp(0.6, (1, 0)),
    ),
    Sample("7_small.png", "7 plain", (40, 40), MARKER, plain(WHITE), 0.75),
    Sample(
        "7_blue_paper.png",
        "7 bar",
        (300, 220),
        MARKER,
        fibrous((120, 168, 214), 4),
        0.72,
        (0.36, 0.5),
        0.12,
    ),
    Sample("8_crayon.png", "8 one stroke", (280, 320), CRAYON, fibrous((248, 214, 220), 3), 0.7),
    Sample("8_inverted_28px.png", "8 two loops", (28, 28), LIGHT, plain((0, 0, 0)), 0.72),
    Sample(
        "8_scan.png",
        "8 one stroke",
        (500, 700),
        BALLPOINT,
        plain((247, 247, 245)),
        0.3,
        (0.62, 0.35),
        0.15,
    ),
    Sample(
        "9_photo.jpg",
        "9 curved",
        (900, 1200),
        MARKER,
        fibrous((196, 192, 186)),
        0.5,
        (0.5, 0.47),
        0.05,
        3,
        shadow(0.6, 0.5, 0.5),
    ),
    Sample(
        "9_corner.png", "9 straight", (640, 480), FINELINER, plain(WHITE), 0.3, (0.82, 0.76), 0.1
    ),
)


def save(picture: Image.Image, path: Path) -> None:
    """Save a picture; reduce large colour PNGs to a palette, so that the files stay small."""
    if path.suffix == ".png":
        if picture.mode == "RGB" and max(picture.size) > 100:
            picture = picture.quantize(
                64, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
            )
        picture.save(path, optimize=True)
    else:
        picture.save(path, quality=72)


def draw_all(folder: Path) -> None:
    """Draw every sample into a folder, and write their digits to labels.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    for sample in SAMPLES:
        save(draw(sample), folder / sample.file)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "label"))
        writer.writerows((sample.file, sample.form[0]) for sample in SAMPLES)


if __name__ == "__main__":
    draw_all(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "custom")
