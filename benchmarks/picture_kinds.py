"""Measure how well digits are read in the kinds of pictures that people bring.

`python -m benchmarks.picture_kinds [--model models/model.onnx] [--digits 1000]` turns digits of
MNIST's test set into such pictures, kind by kind, and reads them as predict-custom does. The
handwriting is real; the paper, the light and the pens are not. The first row, MNIST's own form, is
what the network gets right without preprocessing; the other rows cannot be much better.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.predicting import model_parser, predict, share_right
from benchmarks.table import Row, print_rows
from pipeline.digits.datasets.mnist import mnist
from pipeline.digits.inference.classifier import Classifier
from pipeline.system.arrays import Pixels

Ink = NDArray[np.float32]
Kind = Callable[[Pixels, np.random.Generator], Pixels | bytes]

WHITE = (255, 255, 255)
COMMAND = "python -m benchmarks.picture_kinds"


def main() -> None:
    """Print a row for each kind."""
    parser = model_parser(__doc__)
    parser.add_argument("--digits", type=int, default=1000)
    arguments = parser.parse_args()
    classifier = Classifier.load(arguments.model)
    digits = mnist(on_unavailable="error").test.take(np.arange(arguments.digits))
    for kind, picture in KINDS.items():
        rng = np.random.default_rng(0)
        pictures = [picture(image, rng) for image in digits.images]
        result = share_right(predict(pictures, classifier), digits.labels)
        print_rows([Row(f"{len(pictures)} digits {kind}", result, COMMAND)])


def ink(image: Pixels, height: int, pen: float = 0.0) -> Ink:
    """Cut a digit out and redraw it with sharp edges and a small margin: float32 (h, w), 0..1.

    Args:
        image: uint8 (28, 28) as in MNIST.
        height: Length of the digit's longer side with its own pen, in pixels.
        pen: How much thicker the pen is on each side, as a share of the height; negative: thinner.
    """
    x, y, width, length = cv2.boundingRect((image > 40).astype(np.uint8))
    size = max(width, length)
    cut = cv2.copyMakeBorder(image, size, size, size, size, cv2.BORDER_CONSTANT)
    cut = cut[y + size - 2 : y + size + length + 2, x + size - 2 : x + size + width + 2]
    drawn = cv2.resize(cut, None, fx=height / size, fy=height / size, interpolation=cv2.INTER_CUBIC)
    sharp = np.clip((drawn.astype(np.float32) - 127) * height / size / 80 + 0.5, 0, 1)
    radius = round(abs(pen) * height)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    change = cv2.dilate if pen > 0 else cv2.erode
    changed = change(np.pad(sharp, radius), disc)
    # Erosion would erase strokes thinner than the disc.
    return changed if changed.max() > 0.5 else np.pad(sharp, radius)


def place(strokes: Ink, size: tuple[int, int], rng: np.random.Generator) -> Ink:
    """Put strokes at a random place on an empty sheet of (height, width), float32 0..1."""
    sheet = np.zeros(size, np.float32)
    room = [whole - part for whole, part in zip(size, strokes.shape, strict=True)]
    top, left = (int(rng.integers(free + 1)) for free in room)
    sheet[top : top + strokes.shape[0], left : left + strokes.shape[1]] = strokes
    return sheet


def color(strokes: Ink, pen: tuple[int, int, int], paper: tuple[int, int, int]) -> Pixels:
    """Blend the RGB colours of pen and paper by the amount of ink, uint8 (h, w, 3)."""
    pages = [part * strokes + whole * (1 - strokes) for part, whole in zip(pen, paper, strict=True)]
    return np.stack(pages, axis=-1).round().astype(np.uint8)


def canvas(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Draw with a black brush of random width on a white canvas."""
    strokes = ink(image, int(rng.integers(120, 200)), float(rng.uniform(-0.02, 0.04)))
    return color(place(strokes, (280, 280), rng), (0, 0, 0), WHITE)


def inverted(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Draw in white on black."""
    return 255 - canvas(image, rng)


def transparent(image: Pixels, rng: np.random.Generator) -> bytes:
    """Draw black or white ink on a transparent background, as a PNG file."""
    strokes = place(ink(image, 150), (256, 256), rng)
    tone = np.full((256, 256, 3), 255 * rng.integers(2), np.float32)
    return _file(".png", np.dstack([tone, 255 * strokes]))


def scan(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Write with a thin grey pen and scan it."""
    strokes = place(ink(image, int(rng.integers(90, 150)), -0.02), (300, 240), rng)
    tone = int(rng.integers(40, 120))
    page = color(strokes, (tone, tone, tone), (250, 250, 248)) + rng.normal(0, 2, (300, 240, 1))
    return page.clip(0, 255).astype(np.uint8)


def photo(image: Pixels, rng: np.random.Generator) -> bytes:
    """Photograph a small blue digit on greyish paper in a shadow, as a JPEG file."""
    size = (600, 800)
    strokes = place(ink(image, int(rng.integers(150, 300)), -0.015), size, rng)
    page = color(strokes, (40, 50, 130), (212, 208, 200)).astype(np.float32)
    across, down = np.meshgrid(np.linspace(-1, 1, size[1]), np.linspace(-1, 1, size[0]))
    beyond = across * rng.uniform(-1, 1) + down * rng.uniform(-1, 1) - rng.uniform(-0.4, 0.4)
    light = 1 - rng.uniform(0.2, 0.5) / (1 + np.exp(-beyond * 12))
    lit = cv2.GaussianBlur(page * light[..., None].astype(np.float32), (0, 0), 1.2)
    return _file(".jpg", lit + rng.normal(0, 3, (*size, 1)))


def squared(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Write with a blue pen on squared paper."""
    page = color(place(ink(image, 200), (360, 360), rng), (30, 40, 120), WHITE)
    lines = np.zeros((360, 360), np.bool_)
    pitch, first = int(rng.integers(36, 60)), int(rng.integers(36))
    for start in range(first, 360, pitch):
        lines[start : start + 2] = lines[:, start : start + 2] = True
    page[lines] = np.minimum(page[lines], (150, 178, 214))
    return page


def small(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Draw on 28 x 28 pixels, dark on white and not centred as MNIST's digits are."""
    drawn = ink(image, 4 * int(rng.integers(16, 25)))
    reduced = cv2.resize(drawn, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    return color(place(reduced[:28, :28], (28, 28), rng), (0, 0, 0), WHITE)


def post_office(image: Pixels, _: np.random.Generator) -> Pixels:
    """Fill 16 x 16 pixels, light on dark, like USPS's digits from American zip codes."""
    x, y, width, length = cv2.boundingRect((image > 40).astype(np.uint8))
    scale = 16 / max(width, length)
    size = max(1, round(width * scale)), max(1, round(length * scale))
    digit = cv2.resize(image[y : y + length, x : x + width], size, interpolation=cv2.INTER_AREA)
    filled = np.zeros((16, 16), np.uint8)
    top, left = (16 - size[1]) // 2, (16 - size[0]) // 2
    filled[top : top + size[1], left : left + size[0]] = digit
    return filled


# --- surroundings -------------------------------------------------------------------------------


def any_pen(rng: np.random.Generator) -> float:
    """Draw how much thicker a pen is than MNIST's, as for `ink`; often it is thinner."""
    return float(rng.uniform(-0.025, 0.03))


def box_of(strokes: Ink) -> tuple[int, int, int, int]:
    """Return the box of strokes: left, top, width, height in pixels."""
    x, y, w, h = cv2.boundingRect((strokes > 0.5).astype(np.uint8))
    return x, y, w, h


def underlined(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Underline it with the same pen."""
    strokes = place(ink(image, 120, any_pen(rng)), (220, 260), rng)
    sheet = cv2.copyMakeBorder(strokes, 0, 50, 0, 0, cv2.BORDER_CONSTANT)
    x, y, w, h = box_of(strokes)
    level, tilt = y + h + int(rng.integers(10, 30)), int(rng.integers(-4, 5))
    cv2.line(
        sheet, (x - 15, level - tilt), (x + w + 15, level + tilt), 1.0, int(rng.integers(2, 7))
    )
    return color(sheet, (20, 20, 20), WHITE)


def circled(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Circle it with a red pen."""
    strokes = np.pad(ink(image, 120, any_pen(rng)), 60)
    page = color(strokes, (20, 20, 20), WHITE)
    x, y, w, h = box_of(strokes)
    axes = [int(np.hypot(w, h) / 2 * rng.uniform(1.1, 1.4)) for _ in range(2)]
    cv2.ellipse(page, (x + w // 2, y + h // 2), axes, 0, 0, 360, (220, 30, 30), 3, cv2.LINE_AA)
    return page


def boxed(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Write into the box of a printed form, which has a label under it."""
    page = color(np.zeros((230, 200), np.float32), (0, 0, 0), WHITE)
    strokes = place(ink(image, 115, any_pen(rng))[:138, :148], (140, 150), rng)
    page[23:163, 25:175] = color(strokes, (20, 20, 60), WHITE)
    cv2.rectangle(page, (20, 18), (180, 168), (0, 0, 0), int(rng.integers(1, 4)))
    label = ("day", "Nr.", "qty", "MM")[rng.integers(4)]
    cv2.putText(page, label, (60, 200), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
    return page


def between_lines(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Write so large that it touches the lines of its cell, left and below."""
    strokes = ink(image, 120, any_pen(rng))
    sheet = cv2.copyMakeBorder(strokes, 14, 8, 8, 14, cv2.BORDER_CONSTANT)
    sheet[:, 4:8] = sheet[-8:-4] = 1.0
    return color(sheet, (40, 40, 60), (235, 235, 228))


def hard_shadow(image: Pixels, rng: np.random.Generator) -> bytes:
    """Photograph it across the sharp edge of a shadow, as a JPEG file."""
    strokes = place(ink(image, 150, any_pen(rng)), (300, 300), rng)
    across, down = np.meshgrid(np.linspace(-1, 1, 300), np.linspace(-1, 1, 300))
    turn = rng.uniform(0, 2 * np.pi)
    beyond = across * np.cos(turn) + down * np.sin(turn) > rng.uniform(-0.3, 0.3)
    light = np.where(beyond, rng.uniform(0.4, 0.7), 1.0)[..., None]
    return _file(".jpg", color(strokes, (40, 40, 45), (230, 230, 230)) * light)


def on_a_note(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Photograph a yellow note, a little tilted, on a desk of wood."""
    grain = cv2.GaussianBlur(rng.normal(0, 1, (1, 640)).astype(np.float32), (0, 0), 3)
    desk = (np.array([105, 68, 40]) * (1 + 0.4 * grain[..., None])).clip(0, 255)
    page = np.broadcast_to(desk, (480, 640, 3)).astype(np.uint8)
    side = int(rng.integers(180, 320))
    height = int(side * rng.uniform(0.35, 0.55))
    strokes = ink(image, height, any_pen(rng))
    note = color(place(strokes, (side, side), rng), (30, 30, 40), (246, 228, 104))
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), float(rng.uniform(-8, 8)), 1.0)
    turn[:, 2] += (int(rng.integers(40, 600 - side)), int(rng.integers(30, 450 - side)))
    laid = cv2.warpAffine(note, turn, (640, 480))
    covered = cv2.warpAffine(np.ones((side, side), np.uint8), turn, (640, 480))[..., None]
    return np.where(covered > 0, laid, page)


def cut_tightly(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Draw with a thick marker, and cut the picture at the middle of the outer strokes."""
    thin = ink(image, 118, -0.02)
    reach = 2 * int(rng.integers(5, 11)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    x, y, w, h = box_of(thin)
    cut = color(cv2.dilate(thin, disc)[y : y + h, x : x + w], (0, 0, 0), WHITE)
    return cut if rng.random() < 0.5 else 255 - cut


def dotted(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Print it dotted, for tracing."""
    strokes = np.pad(ink(image, 130, any_pen(rng)), 40)
    rows, columns = np.indices(strokes.shape) // int(rng.integers(4, 8))
    return color(strokes * ((rows + columns) % 2), (20, 20, 20), WHITE)


def hollow(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Draw its outline only."""
    strokes = np.pad(ink(image, 150, float(rng.uniform(-0.02, 0.02))), 40)
    edge = cv2.morphologyEx(strokes, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return color(edge, (20, 20, 20), WHITE)


def _file(suffix: str, pixels: NDArray[np.floating]) -> bytes:
    """Encode RGB or RGBA values, 0..255."""
    order = cv2.COLOR_RGBA2BGRA if pixels.shape[-1] == 4 else cv2.COLOR_RGB2BGR
    values = cv2.cvtColor(pixels.round().clip(0, 255).astype(np.uint8), order)
    return cv2.imencode(suffix, values)[1].tobytes()


KINDS: dict[str, Kind] = {
    "in MNIST's own form": lambda image, _: image,
    "on a canvas": canvas,
    "on a canvas, inverted": inverted,
    "of transparent files": transparent,
    "as scanned": scan,
    "as photographed": photo,
    "on squared paper": squared,
    "of 28 x 28 pixels": small,
    "of 16 x 16 pixels": post_office,
    "underlined": underlined,
    "in a red circle": circled,
    "in a form's box with a label": boxed,
    "that touch the lines of a cell": between_lines,
    "in a hard shadow": hard_shadow,
    "on a note on a desk": on_a_note,
    "of a thick pen, cut tightly": cut_tightly,
    "in dots": dotted,
    "in outline": hollow,
}


if __name__ == "__main__":
    main()
