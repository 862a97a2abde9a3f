"""Reading the digit of a picture file with no more pixels than that takes."""

from collections.abc import Callable

from pipeline.digits.pictures import AT_FIRST, ENOUGH, Picture
from pipeline.digits.reading import CLEAR, Reading, read


def read_digit(open_picture: Callable[[int], Picture]) -> tuple[Picture, Reading]:
    """Decode a picture and bring its digit to MNIST's form.

    A JPEG that is decoded at half its size takes a quarter less time. Most digits need no more; for
    a small one it is decoded once again.

    Args:
        open_picture: Decodes the picture, given the longest side that is enough.

    Raises:
        PictureError: What `open_picture` raises.
    """
    picture = open_picture(AT_FIRST)
    reading = read(picture.pixels)
    if picture.has_more and reading.extent < CLEAR:
        picture = open_picture(ENOUGH)
        reading = read(picture.pixels)
    return picture, reading
