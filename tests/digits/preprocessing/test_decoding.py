"""Decoding picture files, whole and broken ones."""

import struct
import subprocess
import sys
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pipeline.digits.preprocessing.decoding import (
    MAX_SIDE,
    QUICK_SIDE,
    PictureError,
    decode,
    read_picture,
)

# pytest takes back the filter that importing `decoding` sets.
pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning:PIL.TiffImagePlugin", "ignore::PIL.Image.DecompressionBombWarning"
)

PAPER, INK = 230, 20


def drawing(mode="L", size=(40, 30)):
    """Dark bar on light paper, upright, left of the middle, as a Pillow image."""
    image = Image.new("L", size, PAPER)
    image.paste(INK, (8, 5, 12, size[1] - 5))
    return image.convert(mode)


def encoded(image, form, **options):
    buffer = BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def gray_of(picture):
    pixels = picture.pixels
    return pixels if pixels.ndim == 2 else pixels.mean(axis=2)


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        ("PNG", "1"),
        ("PNG", "L"),
        ("PNG", "LA"),
        ("PNG", "P"),
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("JPEG", "L"),
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("BMP", "1"),
        ("BMP", "P"),
        ("BMP", "RGB"),
        ("TIFF", "1"),
        ("TIFF", "L"),
        ("TIFF", "CMYK"),
        ("TIFF", "LAB"),
        ("TIFF", "I"),
        ("TIFF", "F"),
        ("WEBP", "RGB"),
        ("WEBP", "RGBA"),
    ],
)
def test_every_format_and_mode_keeps_ink_dark_and_paper_light(form, mode):
    neutral = Image.new("L", (40, 30), 128)
    lab = mode == "LAB"
    image = Image.merge("LAB", [drawing(), neutral, neutral]) if lab else drawing(mode)

    picture = decode(encoded(image, form))

    assert picture.pixels.dtype == np.uint8
    assert gray_of(picture)[15, 10] < 60
    assert gray_of(picture)[15, 30] > 190


def test_sixteen_bits_are_scaled_not_cut():
    deep = np.full((20, 20), 60000, np.uint16)
    deep[5:15, 9:12] = 3000

    pixels = decode(encoded(Image.fromarray(deep), "PNG")).pixels

    assert pixels[10, 10] == pytest.approx(3000 / 257, abs=1.5)
    assert pixels[0, 0] == pytest.approx(60000 / 257, abs=1.5)


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0), (60, 255), (200, 0)])
def test_ink_on_nothing_gets_the_paper_that_shows_it(ink, paper):
    alpha = 255 - np.asarray(drawing())
    alpha = np.where(alpha > 128, 255, 0).astype(np.uint8)
    pixels = np.dstack([np.full_like(alpha, ink)] * 3 + [alpha])

    seen = decode(encoded(Image.fromarray(pixels, "RGBA"), "PNG")).pixels

    assert seen[15, 10].tolist() == [ink] * 3
    assert seen[15, 30].tolist() == [paper] * 3


def test_an_opaque_card_on_nothing_keeps_its_own_paper_around():
    card = np.dstack([np.asarray(drawing("RGB")), np.full((30, 40), 255, np.uint8)])
    card[:3], card[-3:] = 0, 0

    seen = decode(encoded(Image.fromarray(card, "RGBA"), "PNG")).pixels

    assert seen[0, 0].tolist() == [PAPER] * 3


def test_ink_of_many_tones_on_nothing_is_still_ink():
    alpha = np.where(np.asarray(drawing()) < 128, 255, 0).astype(np.uint8)
    tones = np.tile(np.linspace(0, 190, 30).astype(np.uint8)[:, None], (1, 40))

    seen = decode(encoded(Image.fromarray(np.dstack([tones] * 3 + [alpha]), "RGBA"), "PNG")).pixels

    assert seen[15, 30].tolist() == [255] * 3


def test_nothing_but_transparency_is_blank():
    seen = decode(encoded(Image.new("RGBA", (9, 9)), "PNG")).pixels

    assert np.ptp(seen) == 0


def test_a_transparent_palette_colour_is_paper():
    image = drawing("P")
    light = image.getpixel((30, 15))

    seen = decode(encoded(image, "PNG", transparency=light)).pixels

    assert seen[15, 10].mean() < 60
    assert seen[15, 30].mean() > 200


@pytest.mark.parametrize("times", [1, 5])
@pytest.mark.parametrize("form", ["JPEG", "TIFF", "PNG", "WEBP"])
def test_exif_orientation_is_undone(form, times):
    upright = drawing("RGB").resize((40 * times, 30 * times), Image.Resampling.NEAREST)
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6

    picture = decode(encoded(turned, form, exif=exif))

    assert picture.pixels.shape[:2] == (30 * times, 40 * times)
    assert picture.size == (40 * times, 30 * times)
    assert gray_of(picture)[15 * times, 10 * times] < 60
    assert gray_of(picture)[15 * times, 30 * times] > 190


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_large_pictures_come_back_bounded(form):
    picture = decode(encoded(drawing("RGB", (3000, 1500)), form))

    height, width = picture.pixels.shape[:2]
    assert MAX_SIDE // 2 <= width <= MAX_SIDE
    assert width == pytest.approx(2 * height, abs=2)
    assert picture.size == (3000, 1500)


def test_a_jpeg_is_decoded_no_larger_than_is_enough():
    content = encoded(drawing("RGB", (1800, 900)), "JPEG")

    small, usual = decode(content, QUICK_SIDE), decode(content)
    upright = decode(encoded(drawing("RGB", (900, 1800)), "JPEG"))

    assert (max(small.pixels.shape), max(usual.pixels.shape)) == (225, 900)
    assert (small.has_more, usual.has_more, upright.has_more) == (True, False, False)
    assert not decode(encoded(drawing("RGB", (90, 80)), "JPEG"), QUICK_SIDE).has_more


@pytest.mark.parametrize("size", [(60, 90), (280, 400), (1100, 1000), (2000, 1000)])
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_colours_keep_their_order_at_every_scale(form, size):
    red = Image.new("RGB", size, (200, 30, 40))

    assert np.abs(decode(encoded(red, form), QUICK_SIDE).pixels - [200.0, 30, 40]).max() < 4


def test_a_large_png_with_a_transparent_colour_gets_paper():
    image = Image.new("RGB", (150, 120), (0, 0, 0))
    image.paste((60, 60, 60), (40, 30, 60, 90))

    seen = decode(encoded(image, "PNG", transparency=(0, 0, 0))).pixels

    assert (seen[60, 50].max(), seen[60, 120].min()) == (60, 255)


def test_a_cut_off_jpeg_with_another_inside_is_an_error():
    noise = np.random.default_rng(0).integers(0, 256, (130, 150), np.uint8)
    content = encoded(Image.fromarray(noise), "JPEG", comment=b"preview\xff\xd9")

    decode(content)
    with pytest.raises(PictureError, match="broken"):
        decode(content[:-2000])


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_large_png_has_the_very_pixels_that_pillow_sees(mode):
    noise = np.random.default_rng(0).integers(0, 256, (130, 150, 3), np.uint8)
    image = Image.fromarray(noise).convert(mode)

    assert np.array_equal(decode(encoded(image, "PNG")).pixels, np.asarray(image))


@pytest.mark.parametrize(
    "damage", [lambda png: png[:-2000], lambda png: png[:900] + b"?" + png[901:]]
)
def test_a_damaged_large_png_is_an_error(damage):
    noise = np.random.default_rng(0).integers(0, 256, (130, 150), np.uint8)

    with pytest.raises(PictureError, match="broken"):
        decode(damage(encoded(Image.fromarray(noise), "PNG")))


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_the_first_of_several_frames_is_read_and_said(form):
    second = Image.new("RGB", (40, 30), (255, 0, 0))

    picture = decode(encoded(drawing("RGB"), form, save_all=True, append_images=[second]))

    assert gray_of(picture)[15, 10] < 60
    assert picture.note == "the first of 2 frames was read"


def small_png_with_header(width, height):
    """Encode a PNG whose header promises more pixels than its little data holds."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(99))), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def broken_files():
    png, jpeg = encoded(drawing("RGB"), "PNG"), encoded(drawing("RGB"), "JPEG")
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    bmp, webp = encoded(drawing("RGB"), "BMP"), encoded(Image.fromarray(noise), "WEBP")
    tiff = encoded(Image.fromarray(noise), "TIFF", compression="tiff_lzw")
    data = png.index(b"IDAT") + 10
    return {
        "zero bytes": (b"", "empty"),
        "text": (b"this is no picture, it only says so", "known format"),
        "gif": (encoded(drawing(), "GIF"), "known format"),
        "cut png": (png[: len(png) // 2], "broken"),
        "cut jpeg": (jpeg[: len(jpeg) // 2], "broken"),
        "cut bmp": (bmp[: len(bmp) // 2], "broken"),
        "cut tiff": (tiff[: len(tiff) // 2], "known format|broken"),
        "cut webp": (webp[: len(webp) // 2], "known format|broken"),
        "damaged png": (png[:data] + b"\xff" * 8 + png[data + 8 :], "broken"),
        "huge header": (
            small_png_with_header(30_000, 30_000),
            "too large: 100 million pixels are the limit",
        ),
        "large header": (small_png_with_header(10_001, 10_000), "too large: 10001 x 10000"),
        "no pixels": (small_png_with_header(0, 0), "known format|broken"),
    }


@pytest.mark.parametrize("name", broken_files())
def test_a_broken_file_is_an_error_with_its_reason_in_one_line(name, tmp_path):
    content, reason = broken_files()[name]
    path = tmp_path / "broken.png"
    path.write_bytes(content)

    with pytest.raises(PictureError, match=reason) as raised:
        read_picture(path)

    assert "\n" not in str(raised.value)


def test_one_pixel_is_a_picture():
    assert decode(encoded(Image.new("RGB", (1, 1)), "PNG")).pixels.shape == (1, 1, 3)


@pytest.mark.parametrize("form", ["TIFF", "WEBP"])
def test_no_plug_in_is_imported_for_formats_that_are_not_read(form, tmp_path):
    (tmp_path / "picture").write_bytes(encoded(drawing("RGB"), form))
    script = (
        "import sys; from pathlib import Path; from pipeline.digits.preprocessing import decoding\n"
        "decoding.read_picture(Path(sys.argv[1]))\n"
        "print(*(name for name in sys.modules if name.endswith('ImagePlugin')))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "picture")]
    imported = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "PIL.PngImagePlugin" in imported
    assert "PIL.DdsImagePlugin" not in imported


@pytest.mark.parametrize(("white", "seen"), [(255, 255), (4095, 255), (4096, 15), (65535, 255)])
def test_the_white_of_deep_pictures_is_that_of_eight_twelve_or_sixteen_bits(white, seen):
    deep = np.array([[0, white]], np.uint16)
    assert decode(encoded(Image.fromarray(deep), "PNG")).pixels.tolist() == [[0, seen]]


def test_what_is_no_number_is_black():
    odd = np.array([[np.nan, -np.inf, np.inf, 0.5, 1.0]], np.float32)
    pixels = decode(encoded(Image.fromarray(odd), "TIFF")).pixels
    assert pixels.tolist() == [[0, 0, 0, 127, 255]]


@pytest.mark.parametrize("size", [(40, 30), (400, 300)])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "TIFF"])
def test_grey_pictures_stay_grey(form, size):
    assert decode(encoded(drawing("L", size), form)).pixels.ndim == 2
