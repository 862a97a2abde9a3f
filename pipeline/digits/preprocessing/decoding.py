"""Decode picture files safely, whatever they contain.

The header is examined before anything is decoded, so a picture too large for memory is refused at
no cost. A file that is not a picture raises an error with a reason; it never crashes the process.
"""

import math
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

from pipeline.digits.preprocessing.pixels import as_pixels, shrink_to
from pipeline.system.arrays import Pixels
from pipeline.system.errors import in_one_line

# TIFF and WebP by their plug-ins: to find them by name, Pillow would import all its forty plug-ins,
# which takes 0.04 s of 0.18 s.
FORMATS = (
    *("PNG", "JPEG", "BMP"),
    *(TiffImagePlugin.TiffImageFile.format, WebPImagePlugin.WebPImageFile.format),
)

MAX_PIXELS = 100_000_000  # of the picture in the file
MAX_BYTES = 512 * 1024 * 1024  # of the file

# Longest side of a decoded picture, in pixels: enough to read a digit that fills a twentieth of it.
MAX_SIDE = 1024

# A large JPEG is decoded at reduced scale, with at least this longest side, in pixels: first at
# QUICK_SIDE, then, if the digit is small in the picture, at FULL_SIDE.
FULL_SIDE = MAX_SIDE // 2
QUICK_SIDE = 192

# From this longest side on, in pixels, OpenCV decodes a PNG faster than Pillow.
SMALLEST_BY_OPENCV = 100

# How to decode a JPEG at 1, 1/2, 1/4, 1/8 of its size. OpenCV's names say grey, but together with
# IMREAD_COLOR_RGB they only choose the scale.
_JPEG_SCALES = {
    1: cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_8,
}

# A `PictureError` says what is wrong with a picture; Pillow's warnings do not matter. They are off
# for the whole process, since `warnings.catch_warnings` is not thread-safe.
warnings.filterwarnings("ignore", module=r"PIL\.")


class PictureError(Exception):
    """A picture file cannot be read; the message is the reason in one line."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: uint8, (h, w) grey or (h, w, 3) RGB, upright, opaque, longest side <= MAX_SIDE.
        size: Width and height of the picture in the file, upright, in pixels.
        note: What was left out of the file, in one line; empty if nothing was.
    """

    pixels: Pixels
    size: tuple[int, int]
    note: str = ""

    @property
    def has_more(self) -> bool:
        """Whether decoding it again, at FULL_SIDE, gives more pixels."""
        height, width = self.pixels.shape[:2]
        return bool(max(height, width) < min(FULL_SIDE, max(self.size)))


def read_picture(path: Path, min_side: int = FULL_SIDE) -> Picture:
    """Decode a picture file: upright, at most MAX_SIDE large, paper behind transparent parts.

    If the file has several frames or pages, the first is decoded, and the note says so.

    Args:
        path: The file.
        min_side: A larger JPEG may be reduced to this longest side, in pixels, but no further.

    Raises:
        PictureError: The file cannot be opened, is not a regular file, is not a picture, is broken
            or truncated, or has more than MAX_PIXELS pixels.
    """
    return decode(_file_content(path), min_side)


def decode(content: bytes, min_side: int = FULL_SIDE) -> Picture:
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
                pixels = _jpeg_pixels(image, content, min_side)
            upright = _upright_pixels(image) if pixels is None else pixels
            return Picture(upright, _upright_size(image.size, upright), note)
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        # Pillow's own limit comes first: it is far above ours, or the host program has set it.
        raise PictureError(
            f"too large: {MAX_PIXELS // 1_000_000} million pixels are the limit"
        ) from error
    except UnidentifiedImageError as error:
        raise PictureError("is not a picture in a known format") from error
    except Exception as error:  # decoders raise all kinds on broken files
        raise PictureError(f"is broken: {_reason(error)}") from error


def from_array(array: NDArray[Any]) -> Pixels:
    """Convert an array that holds a picture, as people hold them, to uint8 (h, w) or (h, w, 3).

    Args:
        array: Booleans, integers or floats, whatever value is white (1, 255, 4095, 65535); values
            below 0 make the least one black. (h, w) grey; (h, w, 1), (h, w, 3) RGB or (h, w, 4)
            RGBA, with any number of axes of length 1 before; or all pixels of a square in one row.

    Raises:
        PictureError: Its shape or its type is another one; the message says which.
    """
    values = array[..., 0] if array.ndim > 2 and array.shape[-1] == 1 else array
    while values.ndim > 2 and len(values) == 1:
        values = values[0]
    side = math.isqrt(values.size)
    if values.ndim == 1 and values.size == side * side:
        values = values.reshape(side, side)
    is_grey = values.ndim == 2
    if not values.size or not (is_grey or (values.ndim == 3 and values.shape[-1] in (3, 4))):
        raise PictureError(f"is an array of shape {array.shape}; a picture is (h, w) or (h, w, 3)")
    if values.dtype.kind not in "buif":
        raise PictureError(f"is an array of {array.dtype}; a picture is of numbers")
    pixels = values if values.dtype == np.uint8 and values.max() > 1 else _to_eight_bits(values)
    return _upright_pixels(Image.fromarray(np.ascontiguousarray(pixels)))


def _file_content(path: Path) -> bytes:
    """Read a regular file; open it without blocking, since a pipe would never open otherwise."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError) and path.is_symlink():
            reason = f"is a link to a missing file, {path.readlink()}"
            raise PictureError(in_one_line(reason, 240)) from error
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
    """Return the message of an exception in one line of at most 120 characters."""
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return in_one_line(words, 120)


def _refuse_too_large(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"too large: {width} x {height} pixels, {MAX_PIXELS // 1_000_000} million are the limit"
        )


def _frames_note(image: Image.Image) -> str:
    # In a phone's MPO, the frames behind the JPEG are previews or a depth map.
    frames = 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))
    return f"the first of {frames} frames was read" if frames > 1 else ""


def _jpeg_pixels(image: Image.Image, content: bytes, min_side: int) -> Pixels | None:
    """Decode a plain JPEG with OpenCV, faster than with Pillow; reduce its scale if it is large.

    Return None if it is not a plain JPEG, or truncated: Pillow then decodes it, or says what is
    wrong.
    """
    if image.format not in ("JPEG", "MPO") or image.mode not in ("L", "RGB"):
        return None
    factor = next(by for by in (8, 4, 2, 1) if by == 1 or max(image.size) // by >= min_side)
    buffer = np.frombuffer(content, np.uint8)
    pixels = cv2.imdecode(buffer, _JPEG_SCALES[factor])  # upright: OpenCV obeys EXIF
    if pixels is None:
        return None
    return _from_opencv(pixels, image.mode)


def _png_pixels(image: Image.Image, content: bytes) -> Pixels | None:
    """Decode a plain PNG with OpenCV, in two thirds of Pillow's time.

    Pillow verifies the checksums first, since libpng would print its complaints about a damaged
    file on the terminal. Return None if the PNG is transparent, animated or small: Pillow decodes
    those. For a small PNG, verifying costs more than OpenCV saves.
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


def _from_opencv(pixels: NDArray[Any], mode: str) -> Pixels:
    """Shrink what OpenCV decoded, RGB (h, w, 3); drop two channels of a grey picture."""
    small = shrink_to(as_pixels(pixels), MAX_SIDE)
    return np.ascontiguousarray(small[..., 0]) if mode == "L" else small


def _upright_size(size: tuple[int, int], upright: Pixels) -> tuple[int, int]:
    """Return the file's size, (width, height), swapped if the upright pixels are rotated.

    It compares aspect ratios: reading EXIF with Pillow would decode a PNG once more.
    """
    height, width = upright.shape[:2]
    return min(size, size[::-1], key=lambda each: abs(width * each[1] - height * each[0]))


def _upright_pixels(image: Image.Image) -> Pixels:
    """Decode any picture with Pillow."""
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


def _to_eight_bits(values: NDArray[np.generic]) -> Pixels:
    """Scale integers, or floats, to 0..255; if no integer exceeds 1, 1 is white."""
    numbers = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = min(float(numbers.min()), 0.0), float(numbers.max())
    # The smallest usual white point that no value exceeds: 1 for floats, then 8, 12, 16 bits.
    whites: tuple[float, ...] = (1.0, 255.0, 4095.0, 65535.0)
    if values.dtype.kind != "f" and high > 1:
        whites = whites[1:]
    white = next((white for white in whites if white >= high), high)
    scaled: Pixels = ((numbers - low) * (255.0 / (white - low))).astype(np.uint8)
    return scaled


def _fill_transparency(premultiplied: Pixels) -> Pixels:
    """Put contrasting paper behind a picture with premultiplied alpha, uint8 (h, w, 4)."""
    color, alpha = premultiplied[..., :3], premultiplied[..., 3]
    if alpha.min() == 255:
        return np.ascontiguousarray(color)
    paper = _paper_tone(color, alpha)
    missing = (255 - alpha.astype(np.uint16))[..., None] * paper // 255
    filled: Pixels = np.minimum(color + missing, 255).astype(np.uint8)
    return filled


def _paper_tone(color: Pixels, alpha: Pixels) -> int:
    """Choose the grey value, 0..255, of the paper behind a picture with premultiplied alpha.

    If most of the picture is opaque and has several tones (a card with a digit on it), the paper
    gets the median tone. Else what is opaque is ink, and the paper is white or black, whichever
    contrasts more.
    """
    visible = alpha > 127
    if not visible.any():
        visible = alpha > 0
    if not visible.any():
        return 255
    tones = color[visible].mean(axis=1) * (255.0 / alpha[visible])
    if visible.mean() > 0.5 and tones.std() > 40.0:
        return int(np.median(tones))
    return 255 if tones.mean() < 128 else 0
