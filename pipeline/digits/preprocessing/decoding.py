"""Picture files: finding them in a folder and decoding them safely, whatever is inside.

A file's header is examined before anything is decoded, so a picture that would not fit into memory
is refused at no cost, and a file that is no picture is an error with a reason, never a crash.
"""

import logging
import os
import stat
import warnings
from dataclasses import dataclass
from io import BytesIO, FileIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

from pipeline.digits.preprocessing.pixels import shrink_to
from pipeline.system.errors import in_one_line

# The last two by their plug-ins: to find them by name, Pillow would import all it has, some forty.
FORMATS = (
    *("PNG", "JPEG", "BMP"),
    *(TiffImagePlugin.TiffImageFile.format, WebPImagePlugin.WebPImageFile.format),
)

MAX_PIXELS = 100_000_000
MAX_BYTES = 512 * 1024 * 1024

# Longest side of what is handed on, in pixels: enough for a digit that fills a twentieth of the
# picture to be read, and small enough that a phone photo is decoded at reduced scale.
MAX_SIDE = 1024

# Longest side that a large JPEG has at least, however small it is decoded: to be read in full, and
# at first sight, which is enough for a digit that is not small in the picture.
ENOUGH = MAX_SIDE // 2
AT_FIRST = 192
SMALLEST_BY_OPENCV = 100  # longest side of a PNG, in pixels

# Beside colours in the order of RGB, what is called greyscale says the scale alone.
_JPEG_SCALES = {
    1: cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_8,
}

# What is wrong with a picture is said in its `PictureError`, or does not matter.
warnings.filterwarnings("ignore", module=r"PIL\.")

log = logging.getLogger(__name__)


class PictureError(Exception):
    """A picture file cannot be read; the message is the reason in one line."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: uint8, (h, w) grey or (h, w, 3) RGB, upright, opaque, longest side <= MAX_SIDE.
        size: Width and height of the picture in the file, upright, in pixels.
        note: What one should know about how it was read, in one line; empty if there is nothing.
    """

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    note: str = ""

    @property
    def has_more(self) -> bool:
        """Whether decoding it again, to ENOUGH, brings more pixels."""
        height, width = self.pixels.shape[:2]
        return bool(max(height, width) < min(ENOUGH, max(self.size)))


def read_picture(path: Path, enough: int = ENOUGH) -> Picture:
    """Decode a picture file, upright, at most MAX_SIDE large, transparent parts filled in.

    Of a file with several frames or pages the first is read, and the note says so.

    Args:
        path: The file.
        enough: Longest side, in pixels, that a JPEG may be decoded at if it has more.

    Raises:
        PictureError: The file cannot be opened, is not a regular file, is no picture, is broken
            or cut off, or holds more than MAX_PIXELS pixels.
    """
    return decode(_file_content(path), enough)


def _file_content(path: Path) -> bytes:
    """Read a regular file whole; opening without blocking keeps a pipe from halting everything."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:
        raise PictureError(f"cannot be opened: {_reason(error)}") from error
    try:
        _refuse_special(os.fstat(handle))
        with FileIO(handle, closefd=False) as file:
            return file.readall()
    except OSError as error:
        raise PictureError(f"cannot be read: {_reason(error)}") from error
    finally:
        os.close(handle)


def _refuse_special(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise PictureError("is a folder, not a picture")
    if not stat.S_ISREG(status.st_mode):
        raise PictureError("is not a regular file")
    if status.st_size > MAX_BYTES:
        raise PictureError(f"too large: more than {MAX_BYTES >> 20} MB")


def _reason(error: Exception) -> str:
    """Say what an exception says, in one line and not at length."""
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return in_one_line(words, 120)


def decode(content: bytes, enough: int = ENOUGH) -> Picture:
    """Decode the content of a picture file; see `read_picture`."""
    if not content:
        raise PictureError("is empty (zero bytes)")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            _refuse_too_large(image)
            note = _frames_note(image)
            if image.format == "PNG":
                pixels = _png_pixels(image, content)
            else:
                pixels = _jpeg_pixels(image, content, enough)
            upright = _upright_pixels(image) if pixels is None else pixels
            return Picture(upright, _upright_size(image.size, upright), note)
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        # Far above the limit, or above what the host of this process allows.
        raise PictureError(
            f"too large: {MAX_PIXELS // 1_000_000} million pixels are the limit"
        ) from error
    except UnidentifiedImageError as error:
        raise PictureError("is not a picture in a known format") from error
    except Exception as error:  # decoders raise whatever they like on broken files
        raise PictureError(f"is broken: {_reason(error)}") from error


def _refuse_too_large(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"too large: {width} x {height} pixels, {MAX_PIXELS // 1_000_000} million are the limit"
        )


def _frames_note(image: Image.Image) -> str:
    # A phone's MPO is a JPEG with previews or a depth map behind it, not an animation.
    frames = 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))
    return f"the first of {frames} frames was read" if frames > 1 else ""


def _jpeg_pixels(image: Image.Image, content: bytes, enough: int) -> NDArray[np.uint8] | None:
    """Decode a plain JPEG with OpenCV, faster than Pillow, and at reduced scale if it is large.

    None if it is no such JPEG, or cut off: Pillow then says what is wrong.
    """
    if image.format not in ("JPEG", "MPO") or image.mode not in ("L", "RGB"):
        return None
    factor = next(by for by in (8, 4, 2, 1) if by == 1 or max(image.size) // by >= enough)
    buffer = np.frombuffer(content, np.uint8)
    pixels = cv2.imdecode(buffer, _JPEG_SCALES[factor])  # upright: OpenCV obeys EXIF
    if pixels is None:
        return None
    return _from_opencv(pixels, image.mode)


def _png_pixels(image: Image.Image, content: bytes) -> NDArray[np.uint8] | None:
    """Decode a plain PNG with OpenCV, in two thirds of Pillow's time.

    Pillow compares the checksums first, so that a damaged file is told of here and not by libpng
    on the terminal. What is transparent or animated is left to Pillow, and so are small pictures
    of any kind: there the comparison costs more than it saves.
    """
    small = max(image.size) < SMALLEST_BY_OPENCV
    animated = int(getattr(image, "n_frames", 1)) > 1
    if small or animated or image.mode not in ("L", "RGB") or image.has_transparency_data:
        return None
    image.verify()
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)  # upright, too
    if pixels is None:
        raise PictureError("is broken: its pixels cannot be decoded")
    return _from_opencv(pixels, image.mode)


def _from_opencv(pixels: NDArray[Any], mode: str) -> NDArray[np.uint8]:
    """Shrink what OpenCV decoded to RGB, (h, w, 3), and make it grey if it is."""
    small = shrink_to(pixels.astype(np.uint8, copy=False), MAX_SIDE)
    return np.ascontiguousarray(small[..., 0]) if mode == "L" else small


def _upright_size(size: tuple[int, int], upright: NDArray[np.uint8]) -> tuple[int, int]:
    """Return the size in the file, (width, height), the way that upright pixels are turned.

    Their shape tells; asking Pillow for EXIF would make it decode a PNG once more.
    """
    height, width = upright.shape[:2]
    as_it_is, turned = size, size[::-1]
    return min(as_it_is, turned, key=lambda way: abs(width * way[1] - height * way[0]))


def _upright_pixels(image: Image.Image) -> NDArray[np.uint8]:
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        premultiplied = image.convert("RGBA").convert("RGBa")
        return _fill_transparency(shrink_to(np.asarray(premultiplied), MAX_SIDE))
    if image.mode.startswith("I") or image.mode == "F":
        return shrink_to(_to_eight_bits(np.asarray(image)), MAX_SIDE)
    if image.mode == "LAB":
        return shrink_to(np.asarray(image.getchannel(0)), MAX_SIDE)
    if image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return shrink_to(np.asarray(image), MAX_SIDE)


def _to_eight_bits(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale whole numbers of more than 8 bits, or floats, to 0..255."""
    numbers = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = min(float(numbers.min()), 0.0), float(numbers.max())
    # The smallest usual white point that holds all values: float 0..1, then 8, 12, 16 bits.
    whites = (1.0, 255.0, 4095.0, 65535.0) if values.dtype.kind == "f" else (255.0, 4095.0, 65535.0)
    white = next((white for white in whites if white >= high), high)
    scaled: NDArray[np.uint8] = ((numbers - low) * (255.0 / (white - low))).astype(np.uint8)
    return scaled


def _fill_transparency(premultiplied: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put a picture with premultiplied alpha, uint8 (h, w, 4), on the paper that shows its ink.

    Where most is visible and has two tones of its own (a card with a digit on it), the paper gets
    the commoner tone; else it is ink on nothing, and the paper is white or black, whichever is
    further away.
    """
    color, alpha = premultiplied[..., :3], premultiplied[..., 3]
    if alpha.min() == 255:
        return np.ascontiguousarray(color)
    paper = _paper_tone(color, alpha)
    missing = (255 - alpha.astype(np.uint16))[..., None] * paper // 255
    filled: NDArray[np.uint8] = np.minimum(color + missing, 255).astype(np.uint8)
    return filled


def _paper_tone(color: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> int:
    """Choose the grey value, 0..255, to put behind a picture with premultiplied alpha."""
    visible = alpha > 127
    if not visible.any():
        visible = alpha > 0
    if not visible.any():
        return 255
    tones = color[visible].mean(axis=1) * (255.0 / alpha[visible])
    if visible.mean() > 0.5 and tones.std() > 40.0:
        return int(np.median(tones))
    return 255 if tones.mean() < 128 else 0
