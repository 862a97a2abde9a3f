"""Measure how often a network is unsure of characters that are not digits.

`python -m benchmarks.no_digits [--model models/model.onnx]` renders characters that look like no
digit, in the fonts that come with Matplotlib. The network was trained on those of the first kind,
but drawn as strokes, never in these fonts. It was not trained on the others.
"""

from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from benchmarks.predicting import model_parser, predict
from benchmarks.table import Row, print_rows
from pipeline.digits.inference.classifier import Classifier
from pipeline.system.arrays import Pixels

CHARACTERS = {
    "letters and signs": "ACEFHJKLMNPRTUVWXYadefhkmnprtuvwx&#?+=*",
    "characters of other kinds": "ΔΨΩπΣЖЮЯДФИЛПЦШЩאבהدهعم€£@%♫☺√∞≈≠{}",
}
FONTS = ("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSansMono", "cmr10")
PICTURE_SIDE = 220  # pixels
COMMAND = "python -m benchmarks.no_digits"


def main() -> None:
    """Print a row for each kind."""
    classifier = Classifier.load(model_parser(__doc__).parse_args().model)
    for kind, characters in CHARACTERS.items():
        pictures = [picture for font in FONTS for picture in printed(characters, font)]
        answers = predict(pictures, classifier)
        unsure = np.mean([each.status == "unsure" for each in answers])
        result = f"{unsure:.1%} of {len(answers)}"
        print_rows([Row(f"printed {kind}, answered with unsure", result, COMMAND)])


def printed(characters: str, font: str) -> list[Pixels]:
    """Render the characters that the font has, black on white, each PICTURE_SIDE large."""
    file = Path(get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
    known = FT2Font(str(file)).get_charmap()
    letters = ImageFont.truetype(str(file), PICTURE_SIDE // 2)
    pictures = []
    for character in characters:
        if ord(character) in known:
            page = Image.new("L", (PICTURE_SIDE, PICTURE_SIDE), 255)
            centre = (PICTURE_SIDE / 2, PICTURE_SIDE / 2)
            ImageDraw.Draw(page).text(centre, character, font=letters, fill=0, anchor="mm")
            pictures.append(np.asarray(page))
    return pictures


if __name__ == "__main__":
    main()
