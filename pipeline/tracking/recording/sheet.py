"""A sheet of pictures with two lines of text below each, for MLflow's image grid."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS = 4
# In pixels:
CELL = 128
GAP = 8
LINE = 18
TEXT_SIZE = 14


def contact_sheet(
    pictures: Sequence[Sequence[Sequence[int]]], captions: Sequence[Sequence[str]]
) -> "Image":
    """Draw pictures in rows of COLUMNS.

    Args:
        pictures: At least one, (n, height, width), 0..255.
        captions: The two lines below each picture.
    """
    from PIL import Image, ImageDraw, ImageFont

    columns, rows = min(COLUMNS, len(pictures)), -(-len(pictures) // COLUMNS)
    across, down = CELL + GAP, CELL + 2 * LINE + GAP
    sheet = Image.new("L", (columns * across + GAP, rows * down + GAP), 255)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(TEXT_SIZE)
    for number, (picture, lines) in enumerate(zip(pictures, captions, strict=True)):
        left, top = GAP + number % COLUMNS * across, GAP + number // COLUMNS * down
        pixels = Image.fromarray(np.asarray(picture, np.uint8))
        sheet.paste(pixels.resize((CELL, CELL), Image.Resampling.NEAREST), (left, top))
        for row, line in enumerate(lines):
            pen.text((left, top + CELL + row * LINE), line, fill=0, font=font)
    return sheet
